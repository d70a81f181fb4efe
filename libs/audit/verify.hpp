#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "libs/audit/line.hpp"
#include "libs/base/result.hpp"

namespace swarm::audit {

struct Report {
  std::size_t files = 0;
  std::uint64_t lines = 0;
  std::uint64_t oldest = 0;         // number of the first line; above 1 when older files were rotated away
  Link newest;
  std::size_t unfinished_bytes = 0; // of a line that a crash left; no fault
  std::vector<std::string> faults;  // where the chain does not hold, at most 20

  bool whole() const { return faults.empty(); }
};

/// Checks every line of a log, given its directory, the data directory around it (`audit`), or one of its files. Nothing
/// needs to stop for it: a line that is being written counts as unfinished. `known` is a place of the chain that was noted
/// elsewhere (each action's is in the service's own log as seq and hash): without one, nobody can tell an end that was cut
/// off together with the file `head`, or a chain that was made anew from some line on. NotFound: there is no such log.
Result<Report> verify(const std::filesystem::path& path, const std::optional<Link>& known = std::nullopt);

}  // namespace swarm::audit

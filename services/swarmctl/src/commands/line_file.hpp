#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "libs/base/result.hpp"

namespace swarm::ctl {

/// Calls `visit` with each line of a file, without its line break, in one pass and in bounded memory: of a longer line
/// only the first bytes_max are kept. "-" is the standard input. `visit` returns false to stop. Errors: NotFound,
/// PermissionDenied, Internal (reading failed).
struct Line {
  std::string_view text;
  std::uint64_t offset = 0;  // of its first byte in the file
  std::uint64_t next = 0;    // where the line after it begins
  bool cut = false;
};
Result<void> each_line(const std::string& file, std::size_t bytes_max, std::uint64_t from_offset,
                       const std::function<bool(const Line&)>& visit);

}  // namespace swarm::ctl

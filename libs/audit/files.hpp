#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "libs/audit/line.hpp"
#include "libs/base/result.hpp"

namespace swarm::audit {

/// One file of a log: `audit-<number of its first line, 20 digits>.jsonl`.
struct File {
  std::filesystem::path path;
  std::uint64_t first = 0;
};

std::string file_name(std::uint64_t first);
std::optional<std::uint64_t> first_of(const std::filesystem::path& path);
/// A directory's files in the order of their lines. NotFound when it can't be read.
Result<std::vector<File>> files_of(const std::filesystem::path& directory);

/// Beside the files, in `head`: the newest line that surely reached the disk, and the oldest that is kept. It tells an end
/// that was cut off from one that never was, and a file that was taken away from one that was rotated away.
struct Head {
  Link newest;
  std::uint64_t oldest = 1;
};
std::string head_text(const Head& head);
/// Nothing when there is none or it is malformed.
std::optional<Head> read_head(const std::filesystem::path& directory);

}  // namespace swarm::audit

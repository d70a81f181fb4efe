#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::ctl {

/// What a backup holds: `manifest.json` beside the folder `data`. Written last, so that without one there is no backup.
struct Manifest {
  static constexpr std::int64_t kFormat = 1;

  struct File {
    std::string path;  // below `data`, with /
    std::uint64_t bytes = 0;
    std::string sha256;
  };
  std::int64_t format = kFormat;
  std::string service;
  std::string version;
  std::int64_t made_unix_ms = 0;
  std::vector<File> files;
};

/// Durable when it returns.
Result<void> write_manifest(const std::filesystem::path& backup, const Manifest& manifest);
/// NotFound: none there. FailedPrecondition: of a newer format than is known here. DataLoss: malformed.
Result<Manifest> read_manifest(const std::filesystem::path& backup);

/// True for a path that stays below the folder it is in: neither absolute, nor with "..", nor empty.
bool stays_below(const std::string& path);
/// Files and the names in their directory, on the disk.
Result<void> sync_path(const std::filesystem::path& path);

}  // namespace swarm::ctl

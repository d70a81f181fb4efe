#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace swarm::lmdb {

/// Bounds the part of a mapped data file that counts as this process's memory. LMDB reads through a map of the whole
/// file, and each page once looked at stays in the process's resident set until the kernel is short of memory, which
/// looks like a leak and counts against a container's limit. What is given back stays in the kernel's page cache, so
/// the next look costs a minor fault and no read. Not thread-safe; readers of the map may go on meanwhile.
class ResidentPages {
 public:
  /// `file` is mapped already. `bytes_max` is of all files that the process has mapped, its own code included.
  ResidentPages(const std::filesystem::path& file, std::uint64_t bytes_max);

  /// Gives the map's pages back if the bound is passed. Looks ten times a second at most, so it may be called for each write.
  void keep_bound();
  void give_back();

 private:
  std::uint64_t bytes_max_;
  void* map_ = nullptr;
  std::size_t size_ = 0;
  std::chrono::steady_clock::time_point looked_{};
};

/// Of files that this process has mapped, what counts as its memory now.
std::uint64_t resident_file_bytes();

}  // namespace swarm::lmdb

#include "libs/lmdb/resident_pages.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

namespace swarm::lmdb {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};

struct Range {
  void* begin = nullptr;
  std::size_t size = 0;
};

/// The longest mapping of the file, from /proc/self/maps: LMDB tells the address only of maps that it was told to fix.
Range mapping_of(const std::filesystem::path& file) {
  struct stat wanted {};
  if (stat(file.c_str(), &wanted) != 0) return {};
  std::ifstream maps("/proc/self/maps");
  Range found;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    std::uint64_t inode = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %" SCNu64, &begin, &end, &inode) != 3) continue;
    const bool same_file = inode == wanted.st_ino && line.find(file.filename().string()) != line.npos;
    if (same_file && end - begin > found.size) found = {reinterpret_cast<void*>(begin), end - begin};
  }
  return found;
}

}  // namespace

std::uint64_t resident_file_bytes() {
  std::uint64_t total = 0, resident = 0, shared = 0;
  std::ifstream("/proc/self/statm") >> total >> resident >> shared;
  return shared * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

ResidentPages::ResidentPages(const std::filesystem::path& file, std::uint64_t bytes_max) : bytes_max_(bytes_max) {
  const auto range = mapping_of(file);
  map_ = range.begin;
  size_ = range.size;
}

void ResidentPages::keep_bound() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLookEvery) return;
  looked_ = now;
  if (resident_file_bytes() > bytes_max_) give_back();
}

void ResidentPages::give_back() {
  if (map_ != nullptr) madvise(map_, size_, MADV_DONTNEED);  // of a shared file map it drops page-table entries only
}

}  // namespace swarm::lmdb

#pragma once

#include <filesystem>

#include "libs/base/result.hpp"
#include "libs/lmdb/environment.hpp"

namespace swarm::lmdb {

/// The files beside LMDB's own: `lock` (flock, holds the owner's pid), `identity` (whose data this is) and `clean`
/// (present only between a clean stop and the next start). Not thread-safe.
class DataDirectory {
 public:
  /// Creates the directory if needed, locks it and checks the identity.
  static Result<DataDirectory> acquire(const std::filesystem::path& path, const Identity& identity);
  DataDirectory(DataDirectory&& other) noexcept;
  ~DataDirectory();  // gives the lock back

  const std::filesystem::path& path() const { return path_; }
  /// True unless data.mdb is absent or exactly as the last clean stop left it.
  bool needs_check() const;
  /// From now on a crash will be noticed at the next start.
  Result<void> mark_running();
  void mark_clean();

  /// Writes the identity durably; what has none is refused as foreign, so a half-made copy is never mistaken for data.
  static Result<void> write_identity(const std::filesystem::path& path, const Identity& identity);

 private:
  DataDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace swarm::lmdb

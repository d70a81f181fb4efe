#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::lmdb {
class Environment;
}

namespace swarm::operations {

/// One part of a data directory.
struct BackupSource {
  std::string folder;                                             // below the data directory; empty: itself
  std::function<std::uint64_t()> bytes;                           // about how much the copy takes
  std::function<Result<void>(const std::filesystem::path&)> copy; // a consistent one, into that directory
};

/// A store, whoever is writing to it; it must outlive the source.
BackupSource store_in(const std::string& folder, const lmdb::Environment& store);
/// The plain files of a folder and those below it, as they are: for what is only appended to, or replaced by renaming.
BackupSource plain_files(const std::filesystem::path& data_dir, const std::string& folder);

struct CopiedFile {
  std::string path;  // below the copy, with /
  std::uint64_t bytes = 0;
};

/// A copy in the folder `backup-in-progress` of the data directory; removed with this object.
class BackupCopy {
 public:
  /// ResourceExhausted when the volume has not that much space and 64 MiB more.
  static Result<BackupCopy> make(const std::filesystem::path& data_dir, const std::vector<BackupSource>& sources);
  static void remove_left_over(const std::filesystem::path& data_dir);
  BackupCopy(BackupCopy&& other) noexcept = default;
  BackupCopy& operator=(BackupCopy&&) = delete;
  ~BackupCopy();

  const std::filesystem::path& directory() const { return directory_; }
  const std::vector<CopiedFile>& files() const { return files_; }

 private:
  explicit BackupCopy(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path directory_;
  std::vector<CopiedFile> files_;
};

}  // namespace swarm::operations

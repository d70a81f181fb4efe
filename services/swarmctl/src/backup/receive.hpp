#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "backup/manifest.hpp"
#include "libs/base/sha256.hpp"
#include "protos/operations.pb.h"

namespace swarm::ctl {

/// Takes the parts of one service's backup and writes them to `directory`, which must not exist. What is unfinished lies in
/// `directory`.partial; the next try removes it. Not thread-safe.
class BackupReceiver {
 public:
  /// AlreadyExists, or why the directory can't be made.
  static Result<BackupReceiver> open(const std::filesystem::path& directory);

  /// DataLoss when a part is out of order, a file is not as long or has not the hash that the service says.
  Result<void> take(const operations::BackupPart& part);
  /// Once the stream has ended well: makes it a backup. DataLoss when the end is missing.
  Result<Manifest> finish();

 private:
  explicit BackupReceiver(std::filesystem::path directory);
  Result<void> begin_file(const operations::BackupFile& file);
  Result<void> end_file(const std::string& sha256);

  std::filesystem::path directory_;
  std::filesystem::path partial_;
  Manifest manifest_;
  Manifest::File file_;
  std::ofstream out_;
  Sha256 sum_;
  std::uint64_t written_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace swarm::ctl

#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/operations/backup_copy.hpp"
#include "protos/operations.pb.h"

namespace swarm::operations {

/// Runs Backup calls, one at a time. Thread-safe.
class BackupDesk {
 public:
  BackupDesk(std::string service, std::filesystem::path data_dir, std::vector<BackupSource> sources, const Clock& clock);

  /// The call's reactor, which frees itself. Aborted while another backup runs.
  grpc::ServerWriteReactor<::operations::BackupPart>* open();

 private:
  friend class BackupStream;
  const std::string service_;
  const std::filesystem::path data_dir_;
  const std::vector<BackupSource> sources_;
  const Clock& clock_;
  std::atomic<bool> busy_ = false;
  std::jthread copier_;  // of the newest call; joined before the next one starts
};

/// A stream that is over as soon as it began.
grpc::ServerWriteReactor<::operations::BackupPart>* refused_backup(const Error& error);

}  // namespace swarm::operations

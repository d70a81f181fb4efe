#pragma once

#include <grpcpp/support/server_callback.h>

#include <list>
#include <mutex>

#include "adapters/grpc/mapping.hpp"
#include "adapters/grpc/reply_router.hpp"
#include "application/artifact_keeper.hpp"
#include "application/disk_threads.hpp"
#include "application/engine_loop.hpp"
#include "ports/artifact_files.hpp"
#include "protos/orchestrator.pb.h"

namespace swarm::orchestrator::grpc_api {

struct TransferLimits {
  std::size_t uploads_max = 16;
  std::size_t downloads_max = 32;
  std::chrono::milliseconds idle_max{30'000};  // without a byte; then the transfer is given up
};

/// The transfers that are under way: how many there may be, and that none stands still for ever. Thread-safe.
class TransferBook {
 public:
  enum class Kind { Upload, Download };

  TransferBook(TransferLimits limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  /// One transfer's entry; it ends with it.
  class Entry {
   public:
    Entry(TransferBook& book, Kind kind, grpc::ServerContextBase* context);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    /// A byte has moved.
    void moved();

   private:
    friend class TransferBook;
    TransferBook& book_;
    const Kind kind_;
    grpc::ServerContextBase* const context_;
    BootTime last_;
  };
  /// Null: there are as many as there may be.
  std::unique_ptr<Entry> open(Kind kind, grpc::ServerContextBase* context);
  /// Cancels the calls of those that stand still.
  void end_idle();

 private:
  const TransferLimits limits_;
  const Clock& clock_;
  std::mutex mutex_;  // guards the entries and what is in them
  std::list<Entry*> entries_;
};

/// What a transfer needs of the service.
struct TransferContext {
  EngineLoop& loop;
  ReplyRouter& router;
  const TaskStore& store;
  ArtifactFiles& files;
  ArtifactKeeper& keeper;
  DiskThreads& disk;
  TransferBook& book;
  const InputLimits& limits;
};

/// FailedPrecondition: the lease by which the file is handed in is gone.
Result<void> check_lease(const UploadBegin& begin, const TaskState& state);

/// Each deletes itself when its call is done.
grpc::ServerReadReactor<::orchestrator::ArtifactPart>* start_upload(TransferContext context, grpc::CallbackServerContext* call, ::orchestrator::ArtifactInfo* answer);
grpc::ServerWriteReactor<::orchestrator::ArtifactPart>* start_download(TransferContext context, grpc::CallbackServerContext* call, const ::orchestrator::ArtifactRequest& request);

}  // namespace swarm::orchestrator::grpc_api

#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <optional>

#include "application/analyzers.hpp"
#include "application/ledger_loop.hpp"
#include "protos/analyst.pb.h"

namespace swarm::analyst::adapters {

/// One client that reports many failures: read a batch, have it counted and committed, answer, read the next. So a batch
/// is all that a client can make this service hold. Keeps itself alive until the call is done.
class ReportStream final : public grpc::ServerBidiReactor<::analyst::FailureBatch, ::analyst::BatchAck> {
 public:
  static std::shared_ptr<ReportStream> open(grpc::CallbackServerContext* context, application::Analyzers& analyzers, application::LedgerLoop& ledger);
  ReportStream(grpc::CallbackServerContext* context, application::Analyzers& analyzers, application::LedgerLoop& ledger)
      : context_(context), analyzers_(analyzers), ledger_(ledger) {}

  /// Ends the call; what is being counted is answered first.
  void end(const grpc::Status& status);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;
  void count_batch();
  void counted(const Result<application::FailureAnswer>& answer);
  void one_less();
  void answer_batch();
  void read();
  void refuse(const Error& error);
  void finish(const grpc::Status& status);

  grpc::CallbackServerContext* context_;  // null once the call is done
  application::Analyzers& analyzers_;
  application::LedgerLoop& ledger_;
  std::mutex mutex_;
  ::analyst::FailureBatch batch_;
  ::analyst::BatchAck ack_;
  std::size_t missing_ = 0;
  std::optional<Error> failed_;   // of the ledger: the whole batch is to be sent again
  bool ending_ = false, finished_ = false;
  grpc::Status status_;
  std::shared_ptr<ReportStream> self_;
};

}  // namespace swarm::analyst::adapters

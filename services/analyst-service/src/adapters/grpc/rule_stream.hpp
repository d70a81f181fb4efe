#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <mutex>

#include "application/rule_board.hpp"
#include "protos/analyst.pb.h"

namespace swarm::analyst::adapters {

/// One follower of the rules: first those it does not know, then "synced", then every change. It remembers only the
/// version it has sent, so a slow follower costs a few rules of memory. Keeps itself alive until the call is done.
class RuleStream final : public grpc::ServerWriteReactor<::analyst::RuleEvent>,
                         public application::RuleWatcher {
 public:
  static std::shared_ptr<RuleStream> open(application::RuleBoard& board, std::uint64_t from_version);
  RuleStream(application::RuleBoard& board, std::uint64_t from_version) : board_(board), sent_(from_version), resumed_(from_version > 0) {}

  void changed() override { pump(); }
  /// Ends the call; what is being written is finished first.
  void end(const grpc::Status& status);

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override { end(grpc::Status::CANCELLED); }
  void OnDone() override;
  void pump();
  bool prepare();

  application::RuleBoard& board_;
  std::mutex mutex_;
  std::uint64_t sent_;
  const bool resumed_;
  bool synced_ = false;
  bool writing_ = false;
  bool ending_ = false;
  bool finished_ = false;
  grpc::Status status_;
  std::deque<domain::GoldenRule> batch_;
  ::analyst::RuleEvent event_;
  std::shared_ptr<RuleStream> self_;
};

}  // namespace swarm::analyst::adapters

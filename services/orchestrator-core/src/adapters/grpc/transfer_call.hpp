#pragma once

#include <memory>
#include <mutex>

#include "adapters/grpc/artifact_transfers.hpp"

namespace swarm::orchestrator::grpc_api {

/// What both directions have in common: a call that others work for (the disk's threads, the engine), which ends once and is
/// not touched any more when gRPC is done with it. Thread-safe, apart from what moves the bytes: that is of whoever has it.
template <class Reactor>
class TransferCall {
 public:
  /// The call is done: nothing of it may be touched any more.
  void detach() {
    std::lock_guard lock(mutex_);
    reactor_ = nullptr;
    entry_.reset();
  }
  /// The first one counts.
  void finish(const grpc::Status& status) {
    unless_over([&](Reactor& reactor) {
      finished_ = true;
      reactor.Finish(status);
    });
  }

 protected:
  TransferCall(TransferContext context, std::unique_ptr<TransferBook::Entry> entry) : context_(context), entry_(std::move(entry)) {}
  ~TransferCall() = default;

  void attach(Reactor* reactor) {
    std::lock_guard lock(mutex_);
    reactor_ = reactor;
  }
  /// Calls `act` with the reactor, under the lock, unless the call has ended.
  template <class Act>
  void unless_over(Act&& act) {
    std::lock_guard lock(mutex_);
    if (reactor_ != nullptr && !finished_) act(*reactor_);
  }
  bool is_over() {
    std::lock_guard lock(mutex_);
    return reactor_ == nullptr || finished_;
  }
  /// A byte has moved. On gRPC's threads, while the call is not done.
  void moved() { entry_->moved(); }

  const TransferContext context_;

 private:
  std::unique_ptr<TransferBook::Entry> entry_;
  std::mutex mutex_;  // guards the next two
  Reactor* reactor_ = nullptr;
  bool finished_ = false;
};

}  // namespace swarm::orchestrator::grpc_api

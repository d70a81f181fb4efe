#pragma once

#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "libs/base/check.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::rpc {

/// Unary calls that are answered later, from another thread, by number. A call that is gone (cancelled, answered) is
/// simply not found: nobody holds a pointer to it. Thread-safe.
///
///   grpc::ServerUnaryReactor* Poll(ctx, request, response) override {
///     auto [id, reactor] = polls_.open(response, [this](CallId id) { queue_.push(Cancelled{id}); });
///     queue_.push(Poll{id, …});
///     return reactor;
///   }
///   // on the engine's thread
///   polls_.finish(id, [&](TaskAssignment& out) { … return grpc::Status::OK; });
template <class Response>
class PendingCalls {
 public:
  using Id = std::uint64_t;
  /// Called at most once, on a gRPC thread, when the client cancels or its deadline passes before the answer.
  using CancelHandler = std::function<void(Id)>;

  std::pair<Id, grpc::ServerUnaryReactor*> open(Response* response, CancelHandler on_cancel = {}) {
    std::lock_guard lock(mutex_);
    const Id id = ++last_;
    auto* call = new Call(*this, id, response, std::move(on_cancel));  // deletes itself in OnDone
    calls_.emplace(id, call);
    return {id, call};
  }

  /// Fills the response and ends the call with the status that `fill` returns. False if the call is gone.
  template <class Fill>
  bool finish(Id id, Fill&& fill) {
    Call* call = take(id);
    if (call == nullptr) return false;
    call->Finish(fill(*call->response));
    return true;
  }

  bool fail(Id id, const Error& error) {
    return finish(id, [&](Response&) { return to_status(error); });
  }

  /// Ends every open call, e.g. with UNAVAILABLE at a drain.
  void fail_all(const Error& error) {
    std::unordered_map<Id, Call*> calls;
    {
      std::lock_guard lock(mutex_);
      calls.swap(calls_);
    }
    for (auto& [id, call] : calls) call->Finish(to_status(error));
  }

  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return calls_.size();
  }

 private:
  struct Call final : grpc::ServerUnaryReactor {
    Call(PendingCalls& o, Id i, Response* r, CancelHandler c) : owner(o), id(i), response(r), on_cancel(std::move(c)) {}
    void OnCancel() override {
      // Whoever takes the call out of the table ends it; after an answer there is nothing to cancel.
      if (owner.take(id) == nullptr) return;
      if (on_cancel) on_cancel(id);
      Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

    PendingCalls& owner;
    Id id;
    Response* response;
    CancelHandler on_cancel;
  };

  Call* take(Id id) {
    std::lock_guard lock(mutex_);
    const auto it = calls_.find(id);
    if (it == calls_.end()) return nullptr;
    Call* call = it->second;
    calls_.erase(it);
    return call;
  }

  mutable std::mutex mutex_;
  std::unordered_map<Id, Call*> calls_;
  Id last_ = 0;
};

}  // namespace swarm::rpc

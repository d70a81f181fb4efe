#pragma once

#include <deque>
#include <mutex>
#include <optional>

#include <grpcpp/support/server_callback.h>

#include "adapters/grpc/reply_router.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::orchestrator::grpc_api {

/// A stream that only says why it can't be. Deletes itself.
template <class Base>
class Refused final : public Base {
 public:
  explicit Refused(const Error& error) { this->Finish(rpc::to_status(error)); }
  void OnDone() override { delete this; }
};

/// The writing half of a bidirectional stream, shared between its reactor (gRPC's threads) and whoever answers (the
/// committing thread). The reactor attaches itself and detaches in OnDone, so that no answer reaches a dead stream.
/// One write is in flight at a time. Thread-safe.
template <class Request, class Response>
class StreamWriter {
 public:
  using Reactor = grpc::ServerBidiReactor<Request, Response>;

  explicit StreamWriter(Reactor* reactor) : reactor_(reactor) {}

  /// Queues a message and begins to write if nothing is being written.
  void send(Response message) {
    std::lock_guard lock(mutex_);
    if (reactor_ == nullptr || finished_) return;
    waiting_.push_back(std::move(message));
    write_next();
  }

  /// Calls `fill` on the message that goes out next, so that small answers travel together. `fill` returns about how
  /// many bytes it added; what has not begun to be written yet, all together, is returned.
  template <class Fill>
  std::size_t merge(Fill&& fill) {
    std::lock_guard lock(mutex_);
    if (reactor_ == nullptr || finished_ || abandoned_) return 0;
    if (!open_) open_.emplace();
    open_bytes_ += fill(*open_);
    return open_bytes_;
  }
  std::size_t open_bytes() const {
    std::lock_guard lock(mutex_);
    return open_bytes_;
  }
  /// The client does not read: what waits for it is dropped, and so is everything to come.
  void abandon(grpc::Status status) {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
    waiting_.clear();
    open_.reset();
    open_bytes_ = 0;
    if (end_ || reactor_ == nullptr) return;
    end_ = std::move(status);
    write_next();
  }
  /// Sends what was merged.
  void flush() {
    std::lock_guard lock(mutex_);
    if (reactor_ == nullptr || finished_ || writing_ || !open_) return;
    take_open();
    write_next();
  }

  void written(bool ok) {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) waiting_.clear();
    if (waiting_.empty() && open_ && ok) take_open();
    write_next();
  }

  /// Ends the stream once what waits has been written.
  void finish(grpc::Status status) {
    std::lock_guard lock(mutex_);
    if (end_ || reactor_ == nullptr) return;
    end_ = std::move(status);
    write_next();
  }

  void detach() {
    std::lock_guard lock(mutex_);
    reactor_ = nullptr;
    waiting_.clear();
    open_.reset();
  }

  std::size_t backlog() const {
    std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  void take_open() {
    waiting_.push_back(std::move(*open_));
    open_.reset();
    open_bytes_ = 0;
  }

  void write_next() {
    if (writing_ || finished_ || reactor_ == nullptr) return;
    if (!waiting_.empty()) {
      writing_ = true;
      current_ = std::move(waiting_.front());
      waiting_.pop_front();
      reactor_->StartWrite(&current_);
    } else if (end_) {
      finished_ = true;
      reactor_->Finish(*end_);
    }
  }

  mutable std::mutex mutex_;
  Reactor* reactor_;
  Response current_;
  std::deque<Response> waiting_;
  std::optional<Response> open_;
  std::size_t open_bytes_ = 0;
  bool abandoned_ = false;
  std::optional<grpc::Status> end_;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace swarm::orchestrator::grpc_api

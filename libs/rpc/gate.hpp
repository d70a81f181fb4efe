#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "libs/auth/guard.hpp"

namespace swarm::rpc {

/// What each handler asks first. Thread-safe.
class Gate {
 public:
  explicit Gate(std::unique_ptr<auth::Guard> guard) : guard_(std::move(guard)) {}

  /// Who is calling. Unavailable while the server drains, else as auth::Guard::admit. `method` is the full name,
  /// "/package.Service/Method".
  Result<auth::Principal> admit(const grpc::ServerContextBase& context, std::string_view method) {
    if (closed()) return Error{Code::Unavailable, "this server is shutting down; try again on another connection"};
    return guard_->admit(method, context);
  }

  /// From now on every new call is refused with a retryable status.
  void close() { closed_ = true; }
  bool closed() const { return closed_.load(std::memory_order_relaxed); }
  const auth::Guard& guard() const { return *guard_; }

 private:
  std::unique_ptr<auth::Guard> guard_;
  std::atomic<bool> closed_ = false;
};

}  // namespace swarm::rpc

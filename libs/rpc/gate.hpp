#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "libs/auth/guard.hpp"

namespace swarm::rpc {

class AuditTrail;

/// What each handler asks first. Thread-safe.
class Gate {
 public:
  explicit Gate(std::unique_ptr<auth::Guard> guard) : guard_(std::move(guard)) {}

  /// Who is calling. Unavailable while the server drains, else as auth::Guard::admit. `method` is the full name,
  /// "/package.Service/Method". What the table marks as audited is on the disk before this returns; when it can't be
  /// written, the call is refused with ResourceExhausted or Unavailable.
  Result<auth::Principal> admit(const grpc::ServerContextBase& context, std::string_view method);

  /// From now on every new call is refused with a retryable status.
  void close() { closed_ = true; }
  bool closed() const { return closed_.load(std::memory_order_relaxed); }
  const auth::Guard& guard() const { return *guard_; }
  /// Before the first call; it must outlive the gate's use.
  void record_in(AuditTrail& trail) { trail_ = &trail; }

 private:
  std::unique_ptr<auth::Guard> guard_;
  AuditTrail* trail_ = nullptr;
  std::atomic<bool> closed_ = false;
};

}  // namespace swarm::rpc

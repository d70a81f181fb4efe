#pragma once

#include <map>
#include <string>

#include "domain/budget_ledger.hpp"
#include "libs/base/result.hpp"

namespace swarm::gateway {

/// A budget that reached one of its thresholds.
struct Alert {
  WallTime at{};
  std::string scope;
  WindowKind window = WindowKind::Day;
  WallTime window_start{};
  SpendState state = SpendState::Warned;
  Money spent;
  Money limit;
  WallTime resets = WallTime::max();  // max: never
};

/// Port: where people learn of alerts. Used from one thread; a call waits for the other side, for seconds at most.
class AlertChannel {
 public:
  virtual ~AlertChannel() = default;
  virtual const std::string& name() const = 0;
  /// Unavailable (try again), InvalidArgument (it will never take this one). Messages hold no secret.
  virtual Result<void> send(const Alert& alert) = 0;
};

/// Port: what was told already, so that a restart neither repeats nor forgets an alert. Keys are opaque. Thread-safe.
class AlertMemory {
 public:
  virtual ~AlertMemory() = default;
  virtual Result<std::map<std::string, SpendState>> told() = 0;
  virtual Result<void> tell(const std::string& key, SpendState state) = 0;
  virtual Result<void> forget(const std::string& key) = 0;
};

}  // namespace swarm::gateway

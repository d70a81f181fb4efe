#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "domain/budget_account.hpp"
#include "libs/telemetry/metrics.hpp"
#include "ports/alerts.hpp"

namespace swarm::gateway {

/// Carries alerts to one channel: each threshold of each window once, upwards only. A bounded queue and a thread of its
/// own, so that a channel that is away holds up neither the budget nor the others; an alert is tried again with back-off
/// for some minutes and given up then. What was told is remembered durably; what was not, is told after a restart.
/// Thread-safe.
class AlertSender {
 public:
  struct Options {
    SpendState least = SpendState::Warned;             // lower states are not told
    std::size_t waiting_max = 256;                     // beyond, the oldest go
    int attempts_max = 8;
    std::chrono::milliseconds first_pause{1'000};      // doubled each time
  };
  AlertSender(std::unique_ptr<AlertChannel> channel, AlertMemory& memory, metrics::Registry& registry, Options options);
  ~AlertSender() { stop(); }

  Result<void> start();
  void stop();
  /// Never blocks on the channel.
  void noticed(const std::vector<AccountView>& views, WallTime now);

 private:
  struct Waiting {
    std::string key;
    Alert alert;
  };
  std::string key_of(const AccountView& view) const;
  void run();
  void deliver(const Waiting& waiting);
  bool pause(std::chrono::milliseconds time);

  std::unique_ptr<AlertChannel> channel_;
  AlertMemory& memory_;
  Options options_;
  metrics::Counter& sent_;
  metrics::Counter& failed_;
  metrics::Counter& dropped_;
  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::map<std::string, SpendState> told_;  // or waiting to be
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::gateway

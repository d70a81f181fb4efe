#pragma once

#include <chrono>
#include <memory>
#include <thread>

#include "application/event_bus.hpp"
#include "application/probe.hpp"

namespace swarm::orchestrator {

/// Counts what the bus carries, and writes it to the log within bounds. One thread.
class MetricsSubscriber {
 public:
  MetricsSubscriber(EventBus& bus, Probe& probe, std::size_t capacity);
  ~MetricsSubscriber();

 private:
  void run();
  void tell(const TaskChanged& change);

  Probe& probe_;
  std::shared_ptr<Subscription> subscription_;
  std::chrono::steady_clock::time_point second_{};
  std::uint64_t told_ = 0;  // deaths, within this second
  std::thread thread_;
};

}  // namespace swarm::orchestrator

#pragma once

#include <memory>
#include <thread>

#include "application/event_bus.hpp"
#include "application/probe.hpp"

namespace swarm::orchestrator {

/// Counts what the bus carries. One thread.
class MetricsSubscriber {
 public:
  MetricsSubscriber(EventBus& bus, Probe& probe, std::size_t capacity);
  ~MetricsSubscriber();

 private:
  void run();

  Probe& probe_;
  std::shared_ptr<Subscription> subscription_;
  std::thread thread_;
};

}  // namespace swarm::orchestrator

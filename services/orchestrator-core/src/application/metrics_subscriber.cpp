#include "application/metrics_subscriber.hpp"

namespace swarm::orchestrator {

MetricsSubscriber::MetricsSubscriber(EventBus& bus, Probe& probe, std::size_t capacity)
    : probe_(probe),
      subscription_(bus.subscribe("metrics", capacity, Overflow::DropNewest)),
      thread_([this] { run(); }) {}

MetricsSubscriber::~MetricsSubscriber() {
  subscription_->close();
  thread_.join();
}

void MetricsSubscriber::run() {
  std::vector<EventPtr> events;
  std::uint64_t missed = 0;
  while (subscription_->take(events, missed)) {
    probe_.missed(missed);
    for (const auto& event : events) {
      if (const auto* change = std::get_if<TaskChanged>(event.get())) {
        probe_.changed(*change);
      } else if (const auto* rules = std::get_if<RulesChanged>(event.get())) {
        probe_.rules(rules->active, rules->version);
      } else if (const auto* dispatch = std::get_if<DispatchChanged>(event.get())) {
        probe_.halted(dispatch->state.halted);
      }
    }
  }
}

}  // namespace swarm::orchestrator

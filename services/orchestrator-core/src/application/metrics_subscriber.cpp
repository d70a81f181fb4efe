#include "application/metrics_subscriber.hpp"

#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::uint64_t kDeadToldPerSecond = 10;

}  // namespace

MetricsSubscriber::MetricsSubscriber(EventBus& bus, Probe& probe, std::size_t capacity)
    : probe_(probe),
      subscription_(bus.subscribe("metrics", capacity, Overflow::DropNewest)),
      thread_([this] { run(); }) {}

MetricsSubscriber::~MetricsSubscriber() {
  subscription_->close();
  thread_.join();
}

/// Every change at debug. At info only what went wrong for good, a few a second: the rest of a flood is counted.
void MetricsSubscriber::tell(const TaskChanged& change) {
  const auto& state = *change.task.state;
  const bool dead = state.status == TaskStatus::Dead;
  const auto level = dead ? log::Level::Info : log::Level::Debug;
  if (!log::enabled(level)) return;
  if (dead) {
    const auto now = std::chrono::steady_clock::now();
    if (now - second_ > std::chrono::seconds(1)) {
      if (told_ > kDeadToldPerSecond) log::info("more tasks died", {{"count", told_ - kDeadToldPerSecond}});
      second_ = now;
      told_ = 0;
    }
    if (++told_ > kDeadToldPerSecond) return;
  }
  log::write(level, dead ? "a task died" : "task changed",
             {{"task", text(change.task.spec->id)}, {"from", change.created ? std::string_view() : name(change.from)},
              {"to", name(state.status)}, {"attempt", state.attempt}, {"reason", state.reason}});
}

void MetricsSubscriber::run() {
  std::vector<EventPtr> events;
  std::uint64_t missed = 0;
  while (subscription_->take(events, missed)) {
    probe_.missed(missed);
    for (const auto& event : events) {
      if (const auto* change = std::get_if<TaskChanged>(event.get())) {
        probe_.changed(*change);
        tell(*change);
      } else if (const auto* rules = std::get_if<RulesChanged>(event.get())) {
        probe_.rules(rules->active, rules->version);
      } else if (const auto* dispatch = std::get_if<DispatchChanged>(event.get())) {
        probe_.halted(dispatch->state.halted);
      }
    }
  }
}

}  // namespace swarm::orchestrator

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "domain/effect.hpp"

namespace swarm::orchestrator {

struct RulesChanged {
  std::size_t active = 0;
  std::uint64_t version = 0;
};
struct DispatchChanged {
  DispatchState state;
};
/// Outcomes wait for the analyst.
struct OutcomesRecorded {
  std::size_t count = 0;
};
using SystemEvent = std::variant<TaskChanged, RulesChanged, DispatchChanged, OutcomesRecorded>;
/// Shared by all subscribers, never changed.
using EventPtr = std::shared_ptr<const SystemEvent>;

/// What happens to a subscriber that does not keep up.
enum class Overflow {
  DropOldest,  // and tell it how many
  DropNewest,
};

/// One subscriber's bounded ring. Thread-safe: the bus pushes, one thread takes.
class Subscription {
 public:
  Subscription(std::string name, std::size_t capacity, Overflow overflow);

  /// Waits for events and moves them all into `out`. False once closed and empty. `missed` counts what was dropped
  /// since the last call, before the first event of `out` (DropOldest) or after its last (DropNewest).
  bool take(std::vector<EventPtr>& out, std::uint64_t& missed);
  void close();
  const std::string& name() const { return name_; }

 private:
  friend class EventBus;
  void push(const std::vector<EventPtr>& events);

  const std::string name_;
  const std::size_t capacity_;
  const Overflow overflow_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<EventPtr> ring_;
  std::uint64_t missed_ = 0;
  bool closed_ = false;
};

/// The in-process bus: whoever publishes never waits for a subscriber. Subscribers are added at composition and live as
/// long as the bus; publish() may come from one thread at a time per event order wanted.
class EventBus {
 public:
  std::shared_ptr<Subscription> subscribe(std::string name, std::size_t capacity, Overflow overflow);
  void publish(const std::vector<EventPtr>& events);
  void close();

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Subscription>> subscriptions_;
};

}  // namespace swarm::orchestrator

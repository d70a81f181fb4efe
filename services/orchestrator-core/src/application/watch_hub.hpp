#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "application/event_bus.hpp"

namespace swarm::orchestrator {

struct WatchFilter {
  std::set<TaskId> ids;  // empty: all
  TaskId parent;         // empty: any
};

/// One follower's bounded ring between the hub's thread and the transport. Thread-safe.
class Watcher {
 public:
  struct Item {
    EventPtr event;            // always a TaskChanged
    std::uint64_t missed = 0;  // dropped before it
  };
  Watcher(WatchFilter filter, std::size_t capacity, std::function<void()> on_ready);
  /// The next event; nothing: on_ready will be called when there is one.
  std::optional<Item> next();
  bool wants(const TaskChanged& change) const;

 private:
  friend class WatchHub;
  /// True when the follower sleeps and must be woken.
  bool push(const EventPtr& event);
  void miss(std::uint64_t count);
  void wake();
  void stop();

  const WatchFilter filter_;
  const std::size_t capacity_;
  std::mutex wake_mutex_;  // held while on_ready_ runs, so that stop() can promise silence
  std::function<void()> on_ready_;
  std::mutex mutex_;       // guards the rest
  std::deque<Item> ring_;
  std::uint64_t missed_ = 0;
  bool idle_ = true;
};

/// Hands the bus's task events to any number of followers; a slow one loses its oldest events and is told how many.
/// One thread of its own. Thread-safe.
class WatchHub {
 public:
  WatchHub(EventBus& bus, std::size_t bus_capacity, std::size_t follower_capacity, std::size_t followers_max);
  ~WatchHub();
  /// Null when there are too many followers. `on_ready` is called on the hub's thread and must not block.
  std::shared_ptr<Watcher> watch(WatchFilter filter, std::function<void()> on_ready);
  /// After it returns, on_ready is not called any more.
  void leave(const std::shared_ptr<Watcher>& watcher);
  std::size_t followers() const;

 private:
  void run();

  std::shared_ptr<Subscription> subscription_;
  const std::size_t follower_capacity_;
  const std::size_t followers_max_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Watcher>> watchers_;
  std::thread thread_;
};

}  // namespace swarm::orchestrator

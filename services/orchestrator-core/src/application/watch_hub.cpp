#include "application/watch_hub.hpp"

#include <utility>

namespace swarm::orchestrator {

Watcher::Watcher(WatchFilter filter, std::size_t capacity, std::function<void()> on_ready)
    : filter_(std::move(filter)), capacity_(capacity), on_ready_(std::move(on_ready)) {}

bool Watcher::wants(const TaskChanged& change) const {
  const auto& spec = *change.task.spec;
  return (filter_.ids.empty() || filter_.ids.contains(spec.id)) &&
         (filter_.parent.empty() || filter_.parent == spec.parent);
}

std::optional<Watcher::Item> Watcher::next() {
  std::lock_guard lock(mutex_);
  if (ring_.empty()) {
    idle_ = true;
    return std::nullopt;
  }
  Item item = std::move(ring_.front());
  ring_.pop_front();
  return item;
}

bool Watcher::push(const EventPtr& event) {
  std::lock_guard lock(mutex_);
  if (ring_.size() >= capacity_) {
    missed_ += 1 + ring_.front().missed;
    ring_.pop_front();
    if (!ring_.empty()) {
      ring_.front().missed += missed_;
      missed_ = 0;
    }
  }
  ring_.push_back({event, missed_});
  missed_ = 0;
  return std::exchange(idle_, false);
}

void Watcher::wake() {
  std::lock_guard lock(wake_mutex_);
  if (on_ready_) on_ready_();
}

void Watcher::miss(std::uint64_t count) {
  std::lock_guard lock(mutex_);
  missed_ += count;
}

void Watcher::stop() {
  std::lock_guard lock(wake_mutex_);
  on_ready_ = nullptr;
}

WatchHub::WatchHub(EventBus& bus, std::size_t bus_capacity, std::size_t follower_capacity, std::size_t followers_max)
    : subscription_(bus.subscribe("watch", bus_capacity, Overflow::DropOldest)),
      follower_capacity_(follower_capacity),
      followers_max_(followers_max),
      thread_([this] { run(); }) {}

WatchHub::~WatchHub() {
  subscription_->close();
  thread_.join();
}

std::shared_ptr<Watcher> WatchHub::watch(WatchFilter filter, std::function<void()> on_ready) {
  auto watcher = std::make_shared<Watcher>(std::move(filter), follower_capacity_, std::move(on_ready));
  std::lock_guard lock(mutex_);
  if (watchers_.size() >= followers_max_) return nullptr;
  watchers_.push_back(watcher);
  return watcher;
}

void WatchHub::leave(const std::shared_ptr<Watcher>& watcher) {
  watcher->stop();
  std::lock_guard lock(mutex_);
  std::erase(watchers_, watcher);
}

std::size_t WatchHub::followers() const {
  std::lock_guard lock(mutex_);
  return watchers_.size();
}

void WatchHub::run() {
  std::vector<EventPtr> events;
  std::uint64_t missed = 0;
  while (subscription_->take(events, missed)) {
    std::vector<std::shared_ptr<Watcher>> watchers;
    {
      std::lock_guard lock(mutex_);
      watchers = watchers_;
    }
    for (const auto& watcher : watchers) {
      if (missed > 0) watcher->miss(missed);
      bool sleeps = false;
      for (const auto& event : events) {
        const auto* change = std::get_if<TaskChanged>(event.get());
        if (change != nullptr && watcher->wants(*change)) sleeps |= watcher->push(event);
      }
      if (sleeps) watcher->wake();
    }
  }
}

}  // namespace swarm::orchestrator

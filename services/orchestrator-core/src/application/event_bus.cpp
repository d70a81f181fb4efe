#include "application/event_bus.hpp"

#include <algorithm>

namespace swarm::orchestrator {

Subscription::Subscription(std::string name, std::size_t capacity, Overflow overflow)
    : name_(std::move(name)), capacity_(capacity), overflow_(overflow) {}

bool Subscription::take(std::vector<EventPtr>& out, std::uint64_t& missed) {
  out.clear();
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return !ring_.empty() || closed_; });
  out.assign(std::make_move_iterator(ring_.begin()), std::make_move_iterator(ring_.end()));
  ring_.clear();
  missed = missed_;
  missed_ = 0;
  return !(closed_ && out.empty());
}

void Subscription::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_all();
}

void Subscription::push(const std::vector<EventPtr>& events) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    wake = ring_.empty();
    std::uint64_t dropped = 0;
    for (const auto& event : events) {
      if (ring_.size() >= capacity_) {
        ++dropped;
        if (overflow_ == Overflow::DropNewest) continue;
        ring_.pop_front();
      }
      ring_.push_back(event);
    }
    missed_ += dropped;
  }
  if (wake) arrived_.notify_one();
}

std::shared_ptr<Subscription> EventBus::subscribe(std::string name, std::size_t capacity, Overflow overflow) {
  auto subscription = std::make_shared<Subscription>(std::move(name), capacity, overflow);
  std::lock_guard lock(mutex_);
  subscriptions_.push_back(subscription);
  return subscription;
}

void EventBus::publish(const std::vector<EventPtr>& events) {
  if (events.empty()) return;
  std::lock_guard lock(mutex_);
  for (const auto& subscription : subscriptions_) subscription->push(events);
}

void EventBus::close() {
  std::lock_guard lock(mutex_);
  for (const auto& subscription : subscriptions_) subscription->close();
}

}  // namespace swarm::orchestrator

#include "application/command_queue.hpp"

#include <chrono>

namespace swarm::orchestrator {
namespace {

std::size_t weight(const Command& command) {
  std::size_t bytes = 0;
  if (const auto* submit = std::get_if<SubmitTasks>(&command)) {
    for (const auto& task : submit->tasks) bytes += task.texts->description.size() + task.texts->context.size();
  } else if (const auto* results = std::get_if<ReportResults>(&command)) {
    for (const auto& r : results->results) bytes += r.texts->artifact.size() + r.texts->error_message.size();
  }
  return bytes;
}

/// The engine's own commands must never be lost, and there are few of them.
bool is_internal(const Command& command) {
  return std::holds_alternative<AbandonPoll>(command) || std::holds_alternative<LeaveStream>(command) ||
         std::holds_alternative<Undeliver>(command) || std::holds_alternative<BeginDrain>(command) ||
         std::holds_alternative<SetDispatch>(command);
}

/// What keeps leases alive, ends work, or brings news that only the engine's surroundings give.
bool may_use_reserve(const Command& command) {
  return std::holds_alternative<ReportResults>(command) || std::holds_alternative<Heartbeat>(command) ||
         std::holds_alternative<GrantCredit>(command) || std::holds_alternative<SetHold>(command) ||
         std::holds_alternative<PutRules>(command) || std::holds_alternative<PutPermissions>(command) ||
         std::holds_alternative<PutBudgets>(command) || std::holds_alternative<OutcomesDelivered>(command) || is_internal(command);
}

}  // namespace

bool CommandQueue::push(Command command, BootTime now) {
  const std::size_t bytes = weight(command);
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    const std::size_t room = may_use_reserve(command) ? limits_.commands_max : limits_.commands_max - limits_.reserved;
    const std::size_t bytes_room = may_use_reserve(command) ? limits_.bytes_max : limits_.bytes_max / 2;
    const bool full = waiting_.size() >= room || (bytes_ > 0 && bytes_ + bytes > bytes_room);
    if (full && !is_internal(command)) return false;
    first = waiting_.empty();
    bytes_ += bytes;
    waiting_.push_back({std::move(command), now});
  }
  if (first) arrived_.notify_one();
  return true;
}

void CommandQueue::take(std::vector<QueuedCommand>& out) {
  out.clear();
  std::lock_guard lock(mutex_);
  out.swap(waiting_);
  bytes_ = 0;
}

void CommandQueue::wait(std::optional<std::chrono::nanoseconds> at_most) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !waiting_.empty() || awake_ || closed_; };
  if (at_most) {
    arrived_.wait_for(lock, *at_most, ready);
  } else {
    arrived_.wait(lock, ready);
  }
  awake_ = false;
}

void CommandQueue::wake() {
  {
    std::lock_guard lock(mutex_);
    awake_ = true;
  }
  arrived_.notify_one();
}

void CommandQueue::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_one();
}

bool CommandQueue::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

std::size_t CommandQueue::size() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace swarm::orchestrator

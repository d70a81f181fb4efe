#include "application/retention.hpp"

#include <algorithm>

#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kPage = 500;
constexpr std::chrono::milliseconds kBetweenPages{50};
constexpr std::chrono::milliseconds kWalkMin{200};
constexpr std::chrono::milliseconds kWalkMax{60'000};
constexpr std::chrono::milliseconds kCountEvery{2'000};

std::chrono::milliseconds kept(const RetentionPolicy& policy, TaskStatus status) {
  if (status == TaskStatus::Succeeded) return policy.succeeded;
  return status == TaskStatus::Cancelled ? policy.cancelled : policy.dead;
}

/// Often enough that nothing is kept a quarter longer than asked for.
std::chrono::milliseconds between_walks(const RetentionPolicy& policy) {
  auto out = policy.finished_max > 0 ? kCountEvery : kWalkMax;
  for (const auto time : {policy.succeeded, policy.cancelled, policy.dead}) {
    if (time.count() > 0) out = std::min(out, time / 4);
  }
  return std::max(out, kWalkMin);
}

}  // namespace

std::vector<TaskId> overdue(const FinishedPage& page, const RetentionPolicy& policy, WallTime now, std::uint64_t& excess) {
  std::vector<TaskId> out;
  for (const auto& task : page.items) {
    const auto time = kept(policy, task.status);
    const bool old = time.count() > 0 && now - task.ended > time;
    if (!old && excess == 0) continue;
    if (excess > 0) --excess;
    out.push_back(task.id);
  }
  return out;
}

Retention::Retention(RetentionPolicy policy, const TaskStore& store, EngineLoop& loop, const Clock& clock)
    : policy_(policy), store_(store), loop_(loop), clock_(clock) {}

void Retention::start() {
  if (!policy_.keeps_everything()) thread_ = std::thread([this] { run(); });
}

void Retention::stop() {
  interrupt_.stop();
  if (thread_.joinable()) thread_.join();
}

void Retention::run() {
  do {
    walk();
  } while (interrupt_.wait(between_walks(policy_)));
}

void Retention::walk() {
  std::uint64_t excess = 0;
  bool first = true;
  TaskNumber after = 0;
  do {
    const auto page = store_.finished(after, kPage);
    if (!page) {
      log::error("finished tasks can't be read", {{"error", page.error().message}});
      return;
    }
    const auto& found = page.value();
    if (std::exchange(first, false) && policy_.finished_max > 0 && found.total > policy_.finished_max) excess = found.total - policy_.finished_max;
    auto ids = overdue(found, policy_, clock_.wall_now(), excess);
    // A full queue has more urgent things in it; the next walk comes by again.
    if (!ids.empty()) loop_.submit(DeleteTasks{0, std::move(ids)});
    after = found.next_after;
  } while (after != 0 && interrupt_.wait(kBetweenPages));
}

}  // namespace swarm::orchestrator

#include "domain/task_engine.hpp"

// At most so many tasks with one concurrency key are in work at a time.
namespace swarm::orchestrator {
namespace {

/// Keys of different tenants have nothing to do with each other.
std::string slot_of(const TaskSpec& spec) { return spec.tenant + '\n' + spec.terms->concurrency_key; }

std::pair<int, TaskNumber> place_of(const TaskSpec& spec) { return {-spec.priority, spec.number}; }

}  // namespace

bool TaskEngine::park_if_crowded(TaskEntry& task) {
  const auto* terms = task.spec->terms.get();
  if (terms == nullptr || terms->concurrency_max == 0) return false;
  const auto slot = slots_.find(slot_of(*task.spec));
  if (slot == slots_.end() || slot->second.in_work.size() < static_cast<std::size_t>(terms->concurrency_max)) return false;
  task.wake = {};
  move(task, TaskStatus::Blocked, "engine",
       std::to_string(slot->second.in_work.size()) + " tasks with its concurrency key '" + terms->concurrency_key + "' are in work",
       Blocked::Concurrency);
  return true;
}

/// The agent was only slow to speak, and nobody else has got the task since: its lease holds again. Unless its place
/// with the concurrency key has gone to another task meanwhile.
void TaskEngine::revive(TaskEntry& task) {
  if (const auto* terms = task.spec->terms.get(); terms != nullptr && terms->concurrency_max > 0) {
    const auto slot = slots_.find(slot_of(*task.spec));
    if (slot != slots_.end() && slot->second.in_work.size() >= static_cast<std::size_t>(terms->concurrency_max)) return;
  }
  task.started = true;
  move(task, TaskStatus::Leased, task.state->lease.agent, "a late sign of its agent");
}

/// Called more than once on the way out of a status.
void TaskEngine::leave_key(TaskEntry& task) {
  const auto slot = slots_.find(slot_of(*task.spec));
  if (slot == slots_.end()) return;
  slot->second.waiting.erase(place_of(*task.spec));
  // One that was let out of the list and did not get so far leaves its place too.
  const bool in_work = slot->second.in_work.erase(task.spec->number) > 0;
  if (in_work || task.state->status == TaskStatus::Queued) {
    freed_keys_.push_back(slot->first);
  }
  if (slot->second.in_work.empty() && slot->second.waiting.empty()) slots_.erase(slot);
}

void TaskEngine::enter_key(TaskEntry& task) {
  const auto& state = *task.state;
  if (has_lease(state.status)) {
    slots_[slot_of(*task.spec)].in_work.insert(task.spec->number);
  } else if (state.blocked == Blocked::Concurrency) {
    slots_[slot_of(*task.spec)].waiting.emplace(place_of(*task.spec), &task);
  }
}

/// When everything else of a command is done: nobody is in the middle of a move any more.
void TaskEngine::fill_freed_keys() {
  while (!freed_keys_.empty()) {
    const std::string key = std::move(freed_keys_.back());
    freed_keys_.pop_back();
    const auto slot = slots_.find(key);
    if (slot == slots_.end() || slot->second.waiting.empty()) continue;
    TaskEntry& next = *slot->second.waiting.begin()->second;
    if (slot->second.in_work.size() < static_cast<std::size_t>(next.spec->terms->concurrency_max)) {
      enqueue(next, "engine", "its concurrency key is free", true);
    }
  }
}

}  // namespace swarm::orchestrator

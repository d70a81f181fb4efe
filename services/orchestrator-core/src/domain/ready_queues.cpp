#include "domain/ready_queues.hpp"

namespace swarm::orchestrator {

void ReadyQueues::push(const Requirements& requirements, QueuePosition position, TaskEntry* entry) {
  if (queues_[requirements].emplace(position, entry).second) ++size_;
}

void ReadyQueues::erase(const Requirements& requirements, QueuePosition position) {
  const auto it = queues_.find(requirements);
  if (it == queues_.end()) return;
  size_ -= it->second.erase(position);
  // A few empty queues are kept for the next task of their kind; hostile variety must not fill the memory.
  if (it->second.empty() && queues_.size() > 64) queues_.erase(it);
}

TaskEntry* ReadyQueues::best_for(const AgentProfile& agent) const {
  TaskEntry* best = nullptr;
  QueuePosition best_position;
  for (const auto& [requirements, queue] : queues_) {
    if (queue.empty()) continue;
    const auto& [position, entry] = *queue.begin();
    if (best != nullptr && !(position < best_position)) continue;
    if (mismatch(agent, requirements) != Mismatch::None) continue;
    best = entry;
    best_position = position;
  }
  return best;
}

}  // namespace swarm::orchestrator

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

std::size_t ReadyQueues::ahead(const Requirements& requirements, QueuePosition position, std::size_t bound) const {
  const auto it = queues_.find(requirements);
  std::size_t count = 0;
  if (it == queues_.end()) return count;
  for (auto entry = it->second.begin(); entry != it->second.end() && entry->first < position && count < bound; ++entry) ++count;
  return count;
}

std::vector<const TaskEntry*> ReadyQueues::longest_waiting() const {
  std::vector<const TaskEntry*> out;
  for (const auto& [requirements, queue] : queues_) {
    for (auto entry = queue.begin(); entry != queue.end();) {
      out.push_back(entry->second);
      entry = queue.upper_bound({entry->first.priority, ~std::uint64_t{0}});
    }
  }
  return out;
}

}  // namespace swarm::orchestrator

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

TaskEntry* ReadyQueues::best_for(const AgentProfile& agent, const TenantLoads& loads, const HoldBook& holds) const {
  TaskEntry* best = nullptr;
  QueuePosition best_position;
  std::size_t best_load = 0;
  for (const auto& [requirements, queue] : queues_) {
    if (queue.empty()) continue;
    const auto& [position, entry] = *queue.begin();
    const auto known = loads.find(requirements.tenant);
    const std::size_t load = known == loads.end() ? 0 : known->second;
    const bool fairer = load != best_load ? load < best_load : position < best_position;
    if (best != nullptr && (position.priority != best_position.priority ? position.priority < best_position.priority : !fairer)) continue;
    if (mismatch(agent, requirements) != Mismatch::None || holds.on(requirements) != nullptr) continue;
    best = entry;
    best_position = position;
    best_load = load;
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

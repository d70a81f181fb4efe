#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "domain/holds.hpp"
#include "domain/requirements.hpp"

namespace swarm::orchestrator {

struct TaskEntry;

/// Where a queued task stands: higher priority first, then who came first.
struct QueuePosition {
  int priority = 0;
  std::uint64_t ticket = 0;

  friend bool operator==(const QueuePosition&, const QueuePosition&) = default;
  friend bool operator<(const QueuePosition& a, const QueuePosition& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.ticket < b.ticket;
  }
};

/// How many tasks of each tenant are being worked on.
using TenantLoads = std::map<std::string, std::size_t>;

/// All queued tasks, one ordered queue for each kind of requirement, so that finding the best task for an agent costs
/// by the number of kinds and not of tasks. Entries are borrowed. Order depends on nothing but what was pushed.
class ReadyQueues {
 public:
  using Queue = std::map<QueuePosition, TaskEntry*>;

  /// The queue that a later push with these requirements goes to. Stable until it is empty and swept.
  void push(const Requirements& requirements, QueuePosition position, TaskEntry* entry);
  void erase(const Requirements& requirements, QueuePosition position);
  /// The best task that this agent may have and nobody holds back, or null: the highest priority; then of the tenant that has the fewest in
  /// work, so that a long queue of one does not hold up the others; then the oldest.
  TaskEntry* best_for(const AgentProfile& agent, const TenantLoads& loads, const HoldBook& holds) const;
  /// Takes its walk through all kinds: for explanations and tests.
  const std::map<Requirements, Queue>& all() const { return queues_; }
  std::size_t size() const { return size_; }
  /// Of the tasks of one kind, those before this place; counted up to `bound`.
  std::size_t ahead(const Requirements& requirements, QueuePosition position, std::size_t bound) const;
  /// The first of each priority of each kind, one of which has waited longest.
  std::vector<const TaskEntry*> longest_waiting() const;

 private:
  std::map<Requirements, Queue> queues_;
  std::size_t size_ = 0;
};

}  // namespace swarm::orchestrator

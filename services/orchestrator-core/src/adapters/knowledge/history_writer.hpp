#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "adapters/knowledge/common_knowledge.hpp"
#include "application/event_bus.hpp"
#include "application/interrupt.hpp"
#include "libs/knowledge/knowledge.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator::knowledge_store {

/// Writes what happens to tasks into the swarm's common knowledge: every change of state, how each attempt ended, and
/// the kill switch. `history` is an outbox: writing waits for a local disk only. While that one is full it tries again
/// and events wait in the bounded ring; what overflows there is counted in the log. Tells `common` which stacks are in
/// use. One thread.
class HistoryWriter {
 public:
  HistoryWriter(EventBus& bus, const TaskStore& store, knowledge::Knowledge& history, CommonKnowledge& common);
  ~HistoryWriter();
  void start();
  /// After the bus was closed or before: writes what is queued, then ends.
  void stop();

 private:
  void run();
  void describe(const SystemEvent& event, std::vector<knowledge::Statement>& out);
  void describe_attempt(const TaskChanged& change, std::vector<knowledge::Statement>& out);
  void write(const std::vector<knowledge::Statement>& statements);

  const TaskStore& store_;
  knowledge::Knowledge& history_;
  CommonKnowledge& common_;
  std::shared_ptr<Subscription> subscription_;
  Interrupt interrupt_;
  std::thread thread_;
};

}  // namespace swarm::orchestrator::knowledge_store

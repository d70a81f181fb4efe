#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "adapters/knowledge/common_knowledge.hpp"
#include "application/event_bus.hpp"
#include "application/interrupt.hpp"
#include "libs/knowledge/outbox/outbox.hpp"
#include "ports/change_feed.hpp"

namespace swarm::orchestrator::knowledge_store {

/// Writes what happens to tasks into the swarm's common knowledge: every change of state, how each attempt ended, and
/// the kill switch. It reads the changes where they were committed and marks in the outbox, together with the statements
/// made of them, how far it has come: a crash at any moment skips none and tells none twice. Writing waits for a local
/// disk only; while that one is full, changes wait in the store (`limits.untold_changes`). Tells `common` which stacks
/// are in use. One thread; the bus only wakes it.
class HistoryWriter {
 public:
  HistoryWriter(EventBus& bus, ChangeFeed& feed, knowledge::Outbox& outbox, CommonKnowledge& common, metrics::Registry& registry);
  ~HistoryWriter();
  /// Finds where it was. Before anything is committed.
  Result<void> resume();
  void start();
  /// After the last commit: tells what is left of it, then ends. What the outbox does not take is told after the next start.
  void stop();

 private:
  void run();
  /// False when there is nothing, or no use in going on.
  bool tell_some();
  bool tell(const ChangeFeed::Page& page);
  std::vector<knowledge::Statement> statements_of(const ToldChange& change);

  ChangeFeed& feed_;
  knowledge::Outbox& outbox_;
  CommonKnowledge& common_;
  metrics::Counter& dropped_;
  std::shared_ptr<Subscription> subscription_;
  Interrupt interrupt_;
  std::uint64_t told_ = 0;
  std::uint64_t singly_to_ = 0;  // one at a time up to here: there is one among them that the outbox refuses
  bool unreadable_ = false;      // said that the changes can't be read
  std::thread thread_;
};

}  // namespace swarm::orchestrator::knowledge_store

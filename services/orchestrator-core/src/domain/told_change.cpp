#include "domain/told_change.hpp"

#include <algorithm>

#include "domain/effect.hpp"

namespace swarm::orchestrator {
namespace {

/// Attempts that count: a task that was parked or requeued has had none.
std::optional<AttemptEnd> ended_attempt(const TaskChanged& change, const Changes& changes) {
  const auto& state = *change.task.state;
  if (!has_lease(change.from) || has_lease(state.status) || state.attempts_counted < state.attempt) return std::nullopt;
  AttemptEnd out;
  out.attempt = state.attempt;
  out.agent = state.lease.agent;
  out.workflow_state = state.workflow_state;
  const auto own = std::find_if(changes.feedback.begin(), changes.feedback.end(), [&](const auto& write) {
    return write.number == change.task.spec->number && write.entry.attempt == state.attempt;
  });
  const bool said = own != changes.feedback.end();
  out.role = said ? own->entry.role : state.role;
  out.success = said ? own->entry.status == "success" : state.status == TaskStatus::Succeeded;
  out.note = said ? own->entry.text : state.reason;
  return out;
}

}  // namespace

std::vector<ToldChange> told_changes(const Batch& batch) {
  std::vector<ToldChange> out;
  out.reserve(batch.events.size() + 1);
  for (const auto& change : batch.events) {
    const auto& state = *change.task.state;
    ToldChange& told = out.emplace_back();
    told.task = change.task.spec->id;
    told.version = state.version;
    told.status = state.status;
    told.reason = state.reason;
    told.at = state.updated;
    told.created = change.created;
    told.ended = ended_attempt(change, batch.changes);
    if (told.created || told.ended) told.stack = change.task.spec->stack;
  }
  if (const auto& dispatch = batch.changes.dispatch) {
    ToldChange& told = out.emplace_back();
    told.halted = dispatch->halted;
    told.by = dispatch->by;
    told.at = dispatch->since;
  }
  return out;
}

}  // namespace swarm::orchestrator

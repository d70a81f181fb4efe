#include "application/redrive.hpp"

#include <algorithm>

#include "domain/text_cut.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kErrorBytesMax = 4'096;
constexpr const char* kLabel = "redrive_of";

/// The same work as a new task, from the state in which it ended. Its key follows from the old task, so that a repeat
/// finds it; the approval in front was given once and is not asked for again.
Result<Submission> again(const TaskStore& store, const StoredTask& task) {
  BOOST_OUTCOME_TRY(auto texts, store.texts(*task.spec, *task.state));
  Submission out;
  const TaskId old = task.spec->id;
  out.spec = *task.spec;
  out.spec.id = {};
  out.spec.key = {mix(old.high ^ 0x7265'6472'6976'65ull), mix(old.low + 1) | 1};
  out.spec.content_digest = stable_hash(text(old));
  out.spec.labels[kLabel] = text(old);
  if (!out.spec.first_state.empty()) out.spec.first_state = task.state->workflow_state;
  if (task.state->leases_granted > 0) out.spec.requires_approval = false;
  if (task.spec->deadline != WallTime{}) {
    out.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(task.spec->deadline - task.spec->created);
  }
  out.spec.not_before = out.spec.deadline = {};
  auto input = std::make_shared<InputTexts>(std::move(texts.input));
  if (!texts.error_message.empty()) {
    if (!input->context.empty()) input->context += "\n\n";
    input->context += "## How task " + text(old) + " ended, which this one does again\n" + middle_cut(texts.error_message, kErrorBytesMax);
  }
  out.texts = std::move(input);
  return out;
}

Result<void> add(const TaskStore& store, const StoredTask& task, Redrive& out) {
  BOOST_OUTCOME_TRY(auto submission, again(store, task));
  out.from.push_back(task.spec->id);
  out.tasks.push_back(std::move(submission));
  return outcome::success();
}

}  // namespace

Result<Redrive> redrive(const TaskStore& store, const std::vector<TaskId>& ids) {
  Redrive out;
  for (const TaskId id : ids) {
    if (std::find(out.from.begin(), out.from.end(), id) != out.from.end()) continue;
    BOOST_OUTCOME_TRY(auto task, store.find(id));
    if (!task) return Error{Code::NotFound, "no task id=" + text(id)};
    const TaskStatus status = task->state->status;
    if (status != TaskStatus::Dead && status != TaskStatus::Cancelled) {
      return Error{Code::FailedPrecondition, "task " + text(id) + " is " + std::string(name(status)) + ", not DEAD or CANCELLED"};
    }
    BOOST_OUTCOME_TRY(add(store, *task, out));
  }
  return out;
}

Result<Redrive> redrive(const TaskStore& store, TaskFilter filter) {
  filter.status = TaskStatus::Dead;
  BOOST_OUTCOME_TRY(auto page, store.list(filter));
  Redrive out;
  out.next_before = page.next_before;
  for (const auto& item : page.items) {
    BOOST_OUTCOME_TRY(add(store, item.task, out));
  }
  return out;
}

}  // namespace swarm::orchestrator

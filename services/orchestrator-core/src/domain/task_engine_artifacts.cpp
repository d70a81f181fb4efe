#include <algorithm>
#include <set>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {
namespace {

std::set<std::string> digests(const Artifacts* all) {
  std::set<std::string> out;
  if (all == nullptr) return out;
  for (const auto& a : *all) out.insert(a.sha256);
  return out;
}

}  // namespace

void TaskEngine::on(AttachArtifact&& c) {
  TaskEntry* task = lookup(c.task);
  if (task == nullptr) return answer(c.call, Error{Code::NotFound, "no task id=" + text(c.task)});
  const bool current = !c.token.empty() && task->state->lease.token == c.token;
  if (current && task->taken_back) revive(*task);
  if (!current || !has_lease(task->state->status)) {
    return answer(c.call, Error{Code::FailedPrecondition, "the lease is gone: task " + text(c.task) + " is " + std::string(name(task->state->status))});
  }
  show_life(*task);
  const auto& state = *task->state;
  Artifacts all = state.artifacts ? *state.artifacts : Artifacts();
  if (const auto* same = find_artifact(all, c.artifact.name, state.attempt); same != nullptr && same->sha256 == c.artifact.sha256) {
    return answer(c.call, ArtifactAttached{*same});
  }
  c.artifact.attempt = state.attempt;
  c.artifact.agent = state.lease.agent;
  c.artifact.at = now_.wall;
  c.artifact.accepted = false;
  if (!add_artifact(all, c.artifact, limits_.artifacts)) {
    return answer(c.call, Error{Code::FailedPrecondition, "one task may have " + std::to_string(limits_.artifacts.count_max) + " artefacts of " +
                                                             std::to_string(limits_.artifacts.bytes_max) + " bytes together (artifacts.*)"});
  }
  put_artifacts(*task, std::move(all));
  ++task->state->version;
  answer(c.call, ArtifactAttached{std::move(c.artifact)});
}

/// Changes the list, and tells the store which files the task no longer refers to, or refers to from now on.
void TaskEngine::put_artifacts(TaskEntry& task, Artifacts all) {
  TaskState& state = edit(task);
  const auto before = digests(state.artifacts.get());
  const auto after = digests(&all);
  for (const auto& sha256 : after) {
    if (!before.contains(sha256)) out_->changes.files.push_back({task.spec->number, sha256, true});
  }
  for (const auto& sha256 : before) {
    if (!after.contains(sha256)) out_->changes.files.push_back({task.spec->number, sha256, false});
  }
  state.artifacts = all.empty() ? nullptr : std::make_shared<const Artifacts>(std::move(all));
}

/// Of a task that is dropped.
void TaskEngine::release_artifacts(const TaskEntry& task) {
  for (const auto& sha256 : digests(task.state->artifacts.get())) out_->changes.files.push_back({task.spec->number, sha256, false});
}

/// The first that the result names and its attempt did not hand in; empty: there is none.
std::string TaskEngine::missing_artifact(const TaskEntry& task, const ResultReport& result) const {
  for (const auto& ref : result.artifacts) {
    const auto& all = task.state->artifacts;
    const Artifact* found = all ? find_artifact(*all, ref.name, task.state->attempt) : nullptr;
    if (found == nullptr || found->sha256 != ref.sha256 || found->bytes != ref.bytes) return ref.name;
  }
  return {};
}

}  // namespace swarm::orchestrator

#include "adapters/grpc/mapping.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

std::int64_t ms(std::chrono::nanoseconds t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t).count();
}

template <class Strings>
void copy(Strings& out, const std::vector<std::string>& in) {
  for (const auto& text : in) *out.Add() = text;
}

}  // namespace

void fill(::orchestrator::Task& out, const StoredTask& task) {
  const auto& spec = *task.spec;
  const auto& state = *task.state;
  out.set_task_id(text(spec.id));
  out.set_stack(spec.stack);
  out.set_status(static_cast<::orchestrator::TaskStatus>(state.status));
  out.set_blocked_reason(std::string(name(state.blocked)));
  out.set_workflow_state(state.workflow_state);
  out.set_role(state.role);
  out.set_attempt(state.attempt);
  out.set_max_attempts(spec.max_attempts);
  out.set_priority(spec.priority);
  for (const TaskId id : spec.depends_on) out.add_depends_on(text(id));
  copy(*out.mutable_required_capabilities(), spec.capabilities);
  copy(*out.mutable_required_permissions(), spec.permissions);
  if (has_lease(state.status)) out.set_holder(state.lease.agent);
  for (const auto& [key, value] : spec.labels) (*out.mutable_labels())[key] = value;
  out.set_created_unix_ms(unix_ms(spec.created));
  out.set_updated_unix_ms(unix_ms(state.updated));
  out.set_version(static_cast<std::int64_t>(state.version));
  out.set_status_reason(state.reason);
  copy(*out.mutable_given_rule_ids(), state.lease.rules_given);
  if (!spec.parent.empty()) out.set_parent_id(text(spec.parent));
  out.set_tenant(spec.tenant);
  out.set_until_state(spec.until_state);
  if (state.artifacts) {
    for (const auto& artifact : *state.artifacts) fill(*out.add_artifacts(), artifact);
  }
  if (!spec.terms) return;
  out.set_budget_usd(static_cast<double>(spec.terms->budget_nanos) * 1e-9);
  out.set_schedule_to_start_ms(spec.terms->schedule_to_start.count());
  out.set_start_to_close_ms(spec.terms->start_to_close.count());
  out.set_heartbeat_ms(spec.terms->heartbeat.count());
  out.set_concurrency_key(spec.terms->concurrency_key);
  out.set_concurrency_max(spec.terms->concurrency_max);
}

void fill(::orchestrator::ArtifactInfo& out, const Artifact& artifact) {
  out.set_name(artifact.name);
  out.set_sha256(artifact.sha256);
  out.set_bytes(static_cast<std::int64_t>(artifact.bytes));
  out.set_attempt(artifact.attempt);
  out.set_agent(artifact.agent);
  out.set_at_unix_ms(unix_ms(artifact.at));
  out.set_accepted(artifact.accepted);
}

void fill(::orchestrator::Task& out, const TaskTexts& texts) {
  out.set_description(texts.input.description);
  out.set_context(texts.input.context);
  out.set_artifact(texts.artifact);
  out.set_error_message(texts.error_message);
  for (const auto& entry : texts.feedback) fill(*out.add_feedback(), entry);
}

void fill(::orchestrator::TaskTransition& out, const Transition& entry) {
  out.set_at_unix_ms(unix_ms(entry.at));
  out.set_from(static_cast<::orchestrator::TaskStatus>(entry.from));
  out.set_to(static_cast<::orchestrator::TaskStatus>(entry.to));
  out.set_actor(entry.actor);
  out.set_reason(entry.reason);
  out.set_attempt(entry.attempt);
  out.set_workflow_state(entry.workflow_state);
}

void fill(::orchestrator::TaskFeedback& out, const Feedback& entry) {
  out.set_attempt(entry.attempt);
  out.set_role(entry.role);
  out.set_status(entry.status);
  out.set_text(entry.text);
}

void fill(::orchestrator::Ack& out, const ResultAnswer& answer) {
  out.set_accepted(answer.accepted);
  out.set_message(answer.message);
  out.set_task_status(std::string(name(answer.status_after)));
}

void fill(::orchestrator::ResultAck& out, const ResultAnswer& answer) {
  out.set_task_id(text(answer.task));
  out.set_attempt(answer.attempt);
  out.set_accepted(answer.accepted);
  out.set_message(answer.message);
}

void fill(::orchestrator::HeartbeatResponse& out, const HeartbeatAnswered& answer) {
  for (const TaskId id : answer.lost) out.add_lost_task_ids(text(id));
  for (const TaskId id : answer.cancelled) out.add_cancelled_task_ids(text(id));
  out.set_drain(answer.drain);
}

void fill(::orchestrator::SubmitTasksResponse& out, const Submitted& answer) {
  for (const auto& task : answer.tasks) {
    auto& item = *out.add_tasks();
    item.set_task_id(text(task.id));
    item.set_created(task.created);
  }
}

void fill(::orchestrator::DispatchState& out, const DispatchState& state) {
  out.set_halted(state.halted);
  out.set_reason(state.reason);
  out.set_by(state.by);
  out.set_since_unix_ms(unix_ms(state.since));
}

void fill(::orchestrator::TaskExplanation& out, const TaskExplained& explained) {
  const auto& spec = *explained.task.spec;
  const auto& state = *explained.task.state;
  out.set_task_id(text(spec.id));
  out.set_status(static_cast<::orchestrator::TaskStatus>(state.status));
  out.set_summary(explained.summary);
  for (const auto& obstacle : explained.obstacles) {
    auto& item = *out.add_obstacles();
    item.set_kind(obstacle.kind);
    item.set_detail(obstacle.detail);
    item.set_agents(static_cast<int>(obstacle.agents));
    item.set_clears_in_ms(ms(obstacle.clears_in));
  }
  for (const auto& verdict : explained.agents) {
    auto& item = *out.add_agents();
    item.set_agent(verdict.agent);
    item.set_obstacle(verdict.kind);
    item.set_detail(verdict.detail);
    item.set_waiting(verdict.waiting);
    item.set_held(static_cast<int>(verdict.held));
  }
  out.set_agents_total(static_cast<int>(explained.agents_total));
  out.set_tasks_ahead(static_cast<int>(explained.tasks_ahead));
  if (state.leases_granted == 0) return;
  auto& decision = *out.mutable_decision();
  decision.set_agent(state.lease.agent);
  decision.set_attempt(state.attempt);
  decision.set_leases_granted(static_cast<int>(state.leases_granted));
  copy(*decision.mutable_rules_given(), state.lease.rules_given);
  copy(*decision.mutable_rules_held_out(), state.lease.rules_held_out);
  decision.set_why("it was first by priority and age of what " + state.lease.agent + " may have, and of the agents that fit " +
                   state.lease.agent + " had waited longest" +
                   (spec.permissions.empty() ? "" : "; it holds every permission that the task requires"));
}

void fill(::orchestrator::AgentState& out, const AgentView& view) {
  out.set_name(view.profile.name);
  copy(*out.mutable_capabilities(), view.profile.capabilities);
  copy(*out.mutable_roles(), view.profile.roles);
  for (const TaskId id : view.held) out.add_held_task_ids(text(id));
  out.set_last_seen_ms_ago(ms(view.last_seen_ago));
  out.set_waiting(view.waiting);
  out.set_drained(view.drained);
  copy(*out.mutable_permissions(), view.profile.permissions);
  out.set_tenant(view.profile.tenant);
}

void fill(::orchestrator::TaskAssignment& out, const Assigned& assigned, std::chrono::milliseconds lease) {
  const auto& spec = *assigned.task.spec;
  const auto& state = *assigned.task.state;
  out.set_task_id(text(spec.id));
  copy(*out.mutable_constraints(), assigned.constraints);
  out.set_lease_token(text(assigned.token));
  out.set_attempt(assigned.attempt);
  out.set_stack(spec.stack);
  out.set_role(state.role);
  out.set_workflow_state(state.workflow_state);
  const bool own = spec.terms && spec.terms->heartbeat.count() > 0;
  out.set_lease_ms((own ? spec.terms->heartbeat : lease).count());
  if (spec.terms) out.set_start_to_close_ms(spec.terms->start_to_close.count());
  copy(*out.mutable_rule_ids(), assigned.rule_ids);
  for (const auto& [key, value] : spec.labels) (*out.mutable_labels())[key] = value;
  if (!state.artifacts) return;
  for (const auto& artifact : *state.artifacts) fill(*out.add_artifacts(), artifact);
}

}  // namespace swarm::orchestrator::grpc_api

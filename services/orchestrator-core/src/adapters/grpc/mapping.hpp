#pragma once

#include "adapters/grpc/task_tokens.hpp"
#include "application/grant_book.hpp"
#include "application/rule_checks.hpp"
#include "application/watch_hub.hpp"
#include "domain/effect.hpp"
#include "libs/base/result.hpp"
#include "ports/task_store.hpp"
#include "protos/orchestrator.pb.h"

namespace swarm::orchestrator::grpc_api {

// The protocol's messages ⇄ the domain's words. Malformed input is InvalidArgument with the field's name.

/// Bounds on what a client may send, in bytes and counts.
struct InputLimits {
  const Guardrails* guardrails = nullptr;  // null: none
  const GrantBook* grants = nullptr;       // null: what agents claim counts
  const TimeZones* zones = nullptr;        // of schedules
  const TaskTokens* tokens = nullptr;      // null: parents are anybody's
  const RuleChecks* rule_checks = nullptr; // null: none; with `store`
  const TaskStore* store = nullptr;
  std::size_t name_bytes_max = 256;
  std::size_t names_max = 64;
  std::size_t text_bytes_max = 4u << 20;
  std::size_t tasks_max = 1'000;
  std::size_t dependencies_max = 256;
  std::size_t key_bytes_max = 512;
  std::uint64_t artifact_bytes_max = 256u << 20;     // of one file that is handed in
  std::size_t artifacts_max = 1'000;                 // that one result names
  std::size_t scheduled_text_bytes_max = 64u << 10;  // description and context of a schedule's task
  std::chrono::milliseconds delay_max{std::chrono::hours(24 * 365)};
};

Result<AgentProfile> to_profile(const ::orchestrator::AgentInfo& in, const InputLimits& limits);
Result<TaskId> to_task_id(std::string_view field, const std::string& text);
Result<Submission> to_submission(const ::orchestrator::NewTask& in, const InputLimits& limits);
/// One task, or those that its mode makes of it: the named one comes last.
Result<void> expand(const ::orchestrator::NewTask& in, const InputLimits& limits, std::vector<Submission>& out);
Result<std::vector<Submission>> to_submissions(const ::orchestrator::SubmitTasksRequest& in, const InputLimits& limits);
Result<ResultReport> to_report(::orchestrator::TaskResult&& in, const InputLimits& limits);
struct UploadBegin {
  TaskId task;
  LeaseToken token;
  std::string name;
  std::string sha256;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
};
Result<UploadBegin> to_upload(const ::orchestrator::ArtifactBegin& in, const InputLimits& limits);
Result<std::vector<LeaseSign>> to_signs(::orchestrator::HeartbeatRequest&& in, const InputLimits& limits);
Result<TaskFilter> to_filter(const ::orchestrator::ListTasksRequest& in);
/// How many at most.
Result<std::size_t> to_redrive_limit(const ::orchestrator::RedriveRequest& in);
/// Parsed and checked; its times and counts are made by the engine.
Result<ScheduleEntry> to_schedule(const ::orchestrator::NewSchedule& in, const InputLimits& limits);
Result<Hold> to_hold(const ::orchestrator::HoldRequest& in, const InputLimits& limits);
Result<WatchFilter> to_watch_filter(const ::orchestrator::WatchTasksRequest& in);

/// Without texts and history.
void fill(::orchestrator::Task& out, const StoredTask& task);
void fill(::orchestrator::Task& out, const TaskTexts& texts);
void fill(::orchestrator::TaskTransition& out, const Transition& entry);
void fill(::orchestrator::TaskFeedback& out, const Feedback& entry);
void fill(::orchestrator::Ack& out, const ResultAnswer& answer);
void fill(::orchestrator::ResultAck& out, const ResultAnswer& answer);
void fill(::orchestrator::HeartbeatResponse& out, const HeartbeatAnswered& answer);
void fill(::orchestrator::SubmitTasksResponse& out, const Submitted& answer);
void fill(::orchestrator::DispatchState& out, const DispatchState& state);
void fill(::orchestrator::TaskExplanation& out, const TaskExplained& explained);
void fill(::orchestrator::AgentState& out, const AgentView& view);
void fill(::orchestrator::ArtifactInfo& out, const Artifact& artifact);
void fill(::orchestrator::Hold& out, const Hold& hold);
/// `whole`: with all of its texts.
void fill(::orchestrator::Schedule& out, const ScheduleView& view, bool whole);
/// Without the texts (description, context, feedback, previous artefact).
void fill(::orchestrator::TaskAssignment& out, const Assigned& assigned, std::chrono::milliseconds lease);

}  // namespace swarm::orchestrator::grpc_api

#include "adapters/grpc/mapping_checks.hpp"

#include <charconv>

#include "domain/text_cut.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

constexpr std::size_t kProgressBytesMax = 1024;
constexpr int kRedrivenMax = 1'000;

Result<void> to_refs(const ::orchestrator::TaskResult& in, const InputLimits& limits, ResultReport& out) {
  if (static_cast<std::size_t>(in.artifacts_size()) > limits.artifacts_max) return invalid("artifacts", "more than " + std::to_string(limits.artifacts_max));
  for (const auto& ref : in.artifacts()) {
    if (const auto fault = fault_of_artifact_name(ref.name()); !fault.empty()) return invalid("artifacts.name", fault);
    const auto sha256 = to_sha256(ref.sha256());
    if (sha256.empty()) return invalid("artifacts.sha256", "is not 64 hexadecimal digits");
    if (ref.bytes() < 0) return invalid("artifacts.bytes", "is negative");
    out.artifacts.push_back({ref.name(), sha256, static_cast<std::uint64_t>(ref.bytes())});
    out.digest = stable_hash(ref.name() + "\n" + sha256, out.digest + 1);
  }
  return outcome::success();
}

/// A breach goes into the history, or gives the task back as a failure of the agent's own.
void check_rules(::orchestrator::TaskResult& in, const InputLimits& limits, ResultReport& out) {
  const auto verdict = limits.rule_checks->judge(*limits.store, out.task, out.token, in.artifact());
  if (!verdict) return;
  out.remark = verdict->why;
  if (!verdict->returned) return;
  out.success = false;
  out.failure = FailureClass::AgentError;
  in.clear_artifact();
  in.set_error_message(verdict->why);
}

Result<FailureClass> to_failure_class(const std::string& text) {
  if (text.empty() || text == "agent_error" || text == "rejected") return FailureClass::AgentError;
  for (const auto known : {FailureClass::Transient, FailureClass::PolicyDenied, FailureClass::BudgetExhausted,
                           FailureClass::Cancelled, FailureClass::Halted}) {
    if (text == name(known)) return known;
  }
  return invalid("failure_class", "unknown value '" + first_line(text, 40) + "'");
}

}  // namespace

Result<AgentProfile> to_profile(const ::orchestrator::AgentInfo& in, const InputLimits& limits) {
  AgentProfile out;
  if (in.name().empty()) return invalid("name", "is missing");
  BOOST_OUTCOME_TRY(check_name("name", in.name(), limits));
  BOOST_OUTCOME_TRY(check_name("tenant", in.tenant(), limits));
  out.name = in.name();
  out.tenant = in.tenant();
  BOOST_OUTCOME_TRY(out.capabilities, to_names("capabilities", in.capabilities(), limits));
  BOOST_OUTCOME_TRY(out.roles, to_names("roles", in.roles(), limits));
  BOOST_OUTCOME_TRY(out.permissions, to_names("permissions", in.permissions(), limits));
  if (limits.grants != nullptr) out.permissions = limits.grants->effective(out);
  return out;
}

Result<TaskId> to_task_id(std::string_view field, const std::string& text) {
  const auto id = parse_task_id(text);
  if (!id) return invalid(field, "'" + first_line(text, 60) + "' is not a UUID");
  return *id;
}

Result<UploadBegin> to_upload(const ::orchestrator::ArtifactBegin& in, const InputLimits& limits) {
  UploadBegin out;
  BOOST_OUTCOME_TRY(out.task, to_task_id("task_id", in.task_id()));
  out.token = parse_token(in.lease_token()).value_or(LeaseToken{});
  if (const auto fault = fault_of_artifact_name(in.name()); !fault.empty()) return invalid("name", fault);
  out.name = in.name();
  out.sha256 = to_sha256(in.sha256());
  if (out.sha256.empty()) return invalid("sha256", "is not 64 hexadecimal digits");
  if (in.bytes() < 0 || static_cast<std::uint64_t>(in.bytes()) > limits.artifact_bytes_max) {
    return invalid("bytes", std::to_string(in.bytes()) + ", at most " + std::to_string(limits.artifact_bytes_max) + " (artifacts.bytes_max)");
  }
  out.bytes = static_cast<std::uint64_t>(in.bytes());
  if (in.offset() < 0 || in.offset() > in.bytes()) return invalid("offset", std::to_string(in.offset()) + " is not within the " + std::to_string(in.bytes()) + " bytes");
  out.offset = static_cast<std::uint64_t>(in.offset());
  return out;
}

Result<ResultReport> to_report(::orchestrator::TaskResult&& in, const InputLimits& limits) {
  ResultReport out;
  BOOST_OUTCOME_TRY(out.task, to_task_id("task_id", in.task_id()));
  if (in.status() != "success" && in.status() != "failure") {
    return invalid("status", "'" + first_line(in.status(), 40) + "' is neither success nor failure");
  }
  BOOST_OUTCOME_TRY(check_text("artifact", in.artifact(), limits));
  BOOST_OUTCOME_TRY(check_text("error_message", in.error_message(), limits));
  if (!in.lease_token().empty()) {
    // A token that can't be one of ours is simply not the current one.
    out.token = parse_token(in.lease_token()).value_or(LeaseToken{});
  }
  out.success = in.status() == "success";
  BOOST_OUTCOME_TRY(out.failure, to_failure_class(in.failure_class()));
  out.digest = stable_hash(in.status());
  for (const auto* text : {&in.artifact(), &in.error_message(), &in.failure_class()}) {
    out.digest = stable_hash(*text, out.digest + 1);
  }
  BOOST_OUTCOME_TRY(to_refs(in, limits, out));
  auto texts = std::make_shared<ResultTexts>();
  if (limits.guardrails != nullptr && out.success) {
    // What must not be kept is not kept: the attempt ends as denied, with the policy in place of the artefact.
    if (auto denial = limits.guardrails->check_artifact(in.artifact())) {
      out.success = false;
      out.failure = FailureClass::PolicyDenied;
      in.clear_artifact();
      in.set_error_message(denial->text());
    }
  }
  if (limits.rule_checks != nullptr && out.success) check_rules(in, limits, out);
  texts->artifact = std::move(*in.mutable_artifact());
  texts->error_message = std::move(*in.mutable_error_message());
  out.texts = std::move(texts);
  return out;
}

Result<std::vector<LeaseSign>> to_signs(::orchestrator::HeartbeatRequest&& in, const InputLimits& limits) {
  BOOST_OUTCOME_TRY(check_name("agent_id", in.agent_id(), limits));
  if (in.leases_size() > 10'000) return invalid("leases", "more than 10000");
  std::vector<LeaseSign> out;
  for (auto& lease : *in.mutable_leases()) {
    BOOST_OUTCOME_TRY(auto id, to_task_id("leases.task_id", lease.task_id()));
    out.push_back({id, parse_token(lease.lease_token()).value_or(LeaseToken{}),
                   std::string(utf8_prefix(lease.progress(), kProgressBytesMax))});
  }
  return out;
}

Result<std::size_t> to_redrive_limit(const ::orchestrator::RedriveRequest& in) {
  const int most = kRedrivenMax;
  if (in.task_ids_size() > most) return invalid("task_ids", "more than " + std::to_string(most));
  if (in.limit() < 0 || in.limit() > most) return invalid("limit", "not within 0 and " + std::to_string(most));
  if (in.task_ids_size() > 0 && in.has_filter()) return invalid("filter", "stands beside task_ids");
  if (in.task_ids_size() == 0 && !in.has_filter()) return invalid("task_ids", "is missing, and so is filter");
  return static_cast<std::size_t>(in.limit() == 0 ? 100 : in.limit());
}

Result<TaskFilter> to_filter(const ::orchestrator::ListTasksRequest& in) {
  TaskFilter out;
  if (in.status() != ::orchestrator::TASK_STATUS_UNSPECIFIED) {
    if (!::orchestrator::TaskStatus_IsValid(in.status())) return invalid("status", "unknown value");
    out.status = static_cast<TaskStatus>(in.status());
  }
  out.stack = in.stack();
  out.workflow_state = in.workflow_state();
  out.text = in.text();
  out.labels.insert(in.labels().begin(), in.labels().end());
  if (!in.parent_id().empty()) {
    BOOST_OUTCOME_TRY(out.parent, to_task_id("parent_id", in.parent_id()));
  }
  if (in.created_from_unix_ms() > 0) out.created_from = WallTime(std::chrono::milliseconds(in.created_from_unix_ms()));
  if (in.created_before_unix_ms() > 0) out.created_before = WallTime(std::chrono::milliseconds(in.created_before_unix_ms()));
  out.tenant = in.tenant();
  if (in.page_size() < 0 || in.page_size() > 1000) return invalid("page_size", "not within 0 and 1000");
  if (in.page_size() > 0) out.limit = static_cast<std::size_t>(in.page_size());
  const auto& token = in.page_token();
  if (token.empty()) return out;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), out.before);
  if (read.ec != std::errc() || read.ptr != token.data() + token.size() || out.before == 0) {
    return invalid("page_token", "is not one of ours");
  }
  return out;
}

Result<WatchFilter> to_watch_filter(const ::orchestrator::WatchTasksRequest& in) {
  WatchFilter out;
  if (in.task_ids_size() > 10'000) return invalid("task_ids", "more than 10000");
  for (const auto& text : in.task_ids()) {
    BOOST_OUTCOME_TRY(auto id, to_task_id("task_ids", text));
    out.ids.insert(id);
  }
  if (!in.parent_id().empty()) {
    BOOST_OUTCOME_TRY(out.parent, to_task_id("parent_id", in.parent_id()));
  }
  return out;
}

}  // namespace swarm::orchestrator::grpc_api

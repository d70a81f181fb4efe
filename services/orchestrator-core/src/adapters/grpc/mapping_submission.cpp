#include <openssl/sha.h>

#include <algorithm>

#include "adapters/grpc/mapping_checks.hpp"
#include "domain/stack_classifier.hpp"
#include "domain/task_mode.hpp"
#include "libs/base/byte_class.hpp"
#include "libs/base/uuid.hpp"

// What is submitted.
namespace swarm::orchestrator::grpc_api {
namespace {

constexpr int kConcurrencyMax = 100'000;
constexpr std::size_t kPartsMax = 32;
constexpr int kConstraintsMax = 16;
constexpr std::size_t kConstraintBytesMax = 8u << 10;
constexpr double kBudgetUsdMax = 1e6;
constexpr std::chrono::milliseconds kHeartbeatMin{100};

Result<void> check_constraints(const ::orchestrator::NewTask& in, const InputLimits& limits) {
  constexpr std::string_view field = "extra_constraints";
  if (in.extra_constraints_size() > kConstraintsMax) return invalid(field, "more than 16");
  for (const auto& text : in.extra_constraints()) {
    if (text.empty() || text.size() > kConstraintBytesMax) return invalid(field, "one is empty or longer than 8 KiB");
    BOOST_OUTCOME_TRY(check_wish(field, text, limits));
  }
  return outcome::success();
}

KeyHash hash_key(const std::string& tenant, const std::string& key) {
  const std::string text = std::to_string(tenant.size()) + ":" + tenant + key;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  KeyHash out;
  for (int i = 0; i < 8; ++i) out.high = (out.high << 8) | digest[i];
  for (int i = 8; i < 16; ++i) out.low = (out.low << 8) | digest[i];
  return out;
}

/// Of everything that makes a submission the same one again.
std::uint64_t digest_of(const ::orchestrator::NewTask& in) {
  std::uint64_t hash = 0;
  const auto add = [&](std::string_view text) { hash = stable_hash(text, hash + 1); };
  for (const auto* text : {&in.description(), &in.context(), &in.stack(), &in.workflow_state(), &in.until_state(),
                           &in.role(), &in.tenant(), &in.parent_id()}) {
    add(*text);
  }
  for (const auto* list : {&in.required_capabilities(), &in.required_permissions(), &in.depends_on()}) {
    add(std::to_string(list->size()));
    for (const auto& text : *list) add(text);
  }
  for (const auto& [key, value] : std::map<std::string, std::string>(in.labels().begin(), in.labels().end())) {
    add(key);
    add(value);
  }
  add(std::to_string(in.priority()) + "/" + std::to_string(in.max_attempts()) + "/" +
      std::to_string(in.requires_approval()) + "/" + std::to_string(in.delay_ms()) + "/" +
      std::to_string(in.deadline_ms()));
  // Only where it is set, so that tasks of before keep their digest.
  if (in.budget_usd() != 0) add("budget " + std::to_string(in.budget_usd()));
  for (const auto& constraint : in.extra_constraints()) add("constraint " + constraint);
  if (!in.concurrency_key().empty()) add(in.concurrency_key() + " " + std::to_string(in.concurrency_max()));
  for (const auto ms : {in.schedule_to_start_ms(), in.start_to_close_ms(), in.heartbeat_ms()}) {
    if (ms != 0) add("time-out " + std::to_string(ms));
  }
  return hash;
}

/// Null when nothing special is asked for.
Result<std::shared_ptr<const TaskTerms>> to_terms(const ::orchestrator::NewTask& in, const InputLimits& limits) {
  TaskTerms terms;
  const double usd = in.budget_usd();
  if (!(usd >= 0 && usd <= kBudgetUsdMax)) return invalid("budget_usd", "not within 0 and a million");
  terms.budget_nanos = static_cast<std::int64_t>(usd * 1e9 + 0.5);
  if (usd > 0 && terms.budget_nanos == 0) return invalid("budget_usd", "less than a nano-dollar");
  BOOST_OUTCOME_TRY(terms.schedule_to_start, to_duration("schedule_to_start_ms", in.schedule_to_start_ms(), limits));
  BOOST_OUTCOME_TRY(terms.start_to_close, to_duration("start_to_close_ms", in.start_to_close_ms(), limits));
  BOOST_OUTCOME_TRY(terms.heartbeat, to_duration("heartbeat_ms", in.heartbeat_ms(), limits));
  if (in.heartbeat_ms() != 0 && terms.heartbeat < kHeartbeatMin) return invalid("heartbeat_ms", "less than 100");
  BOOST_OUTCOME_TRY(check_name("concurrency_key", in.concurrency_key(), limits));
  if (in.concurrency_max() < 0 || in.concurrency_max() > kConcurrencyMax) return invalid("concurrency_max", "not within 0 and 100000");
  if (in.concurrency_key().empty() && in.concurrency_max() > 0) return invalid("concurrency_key", "is missing");
  if (!in.concurrency_key().empty()) {
    terms.concurrency_key = in.concurrency_key();
    terms.concurrency_max = std::max(1, in.concurrency_max());
  }
  if (terms == TaskTerms()) return std::shared_ptr<const TaskTerms>();
  return std::shared_ptr<const TaskTerms>(std::make_shared<TaskTerms>(terms));
}

Result<void> check_parent(const TaskSpec& spec, const ::orchestrator::NewTask& in, const InputLimits& limits) {
  if (limits.tokens == nullptr) return outcome::success();
  return limits.tokens->check_child(spec, in.parent_token());
}

}  // namespace

Result<Submission> to_submission(const ::orchestrator::NewTask& in, const InputLimits& limits) {
  Submission out;
  auto& spec = out.spec;
  const auto& description = in.description();
  if (std::all_of(description.begin(), description.end(), is_blank)) return invalid("description", description.empty() ? "is missing" : "is blank");
  BOOST_OUTCOME_TRY(check_wish("description", description, limits));
  BOOST_OUTCOME_TRY(check_wish("context", in.context(), limits));
  BOOST_OUTCOME_TRY(check_constraints(in, limits));
  const std::pair<const char*, const std::string*> names[] = {{"stack", &in.stack()},
                                                              {"workflow_state", &in.workflow_state()},
                                                              {"until_state", &in.until_state()},
                                                              {"role", &in.role()},
                                                              {"tenant", &in.tenant()}};
  for (const auto& [field, text] : names) {
    BOOST_OUTCOME_TRY(check_name(field, *text, limits));
  }
  if (!in.task_id().empty()) {
    BOOST_OUTCOME_TRY(spec.id, to_task_id("task_id", in.task_id()));
  }
  if (!in.parent_id().empty()) {
    BOOST_OUTCOME_TRY(spec.parent, to_task_id("parent_id", in.parent_id()));
  }
  if (in.idempotency_key().size() > limits.key_bytes_max) return invalid("idempotency_key", "longer than 512 bytes");
  if (!in.idempotency_key().empty()) spec.key = hash_key(in.tenant(), in.idempotency_key());
  if (in.priority() < -100 || in.priority() > 100) return invalid("priority", "not within -100 and 100");
  if (in.max_attempts() < 0 || in.max_attempts() > 1000) return invalid("max_attempts", "not within 0 and 1000");
  if (static_cast<std::size_t>(in.depends_on_size()) > limits.dependencies_max) {
    return invalid("depends_on", "more than " + std::to_string(limits.dependencies_max));
  }
  for (const auto& text : in.depends_on()) {
    BOOST_OUTCOME_TRY(auto id, to_task_id("depends_on", text));
    spec.depends_on.push_back(id);
  }
  if (static_cast<std::size_t>(in.labels().size()) > limits.names_max) return invalid("labels", "more than 64");
  for (const auto& [key, value] : in.labels()) {
    BOOST_OUTCOME_TRY(check_name("labels", key, limits));
    BOOST_OUTCOME_TRY(check_name("labels", value, limits));
    spec.labels.emplace(key, value);
  }
  BOOST_OUTCOME_TRY(spec.capabilities, to_names("required_capabilities", in.required_capabilities(), limits));
  BOOST_OUTCOME_TRY(spec.permissions, to_names("required_permissions", in.required_permissions(), limits));
  BOOST_OUTCOME_TRY(out.delay, to_duration("delay_ms", in.delay_ms(), limits));
  BOOST_OUTCOME_TRY(out.deadline, to_duration("deadline_ms", in.deadline_ms(), limits));
  spec.stack = in.stack().empty() ? stack_of_text(in.description()) : in.stack();
  spec.stack_is_guess = in.stack().empty() && !spec.stack.empty();
  spec.first_state = in.workflow_state();
  spec.until_state = in.until_state();
  spec.role = in.role();
  spec.tenant = in.tenant();
  spec.priority = in.priority();
  spec.max_attempts = in.max_attempts();
  spec.requires_approval = in.requires_approval();
  BOOST_OUTCOME_TRY(spec.terms, to_terms(in, limits));
  spec.content_digest = digest_of(in);
  auto texts = std::make_shared<InputTexts>();
  texts->description = in.description();
  texts->context = in.context();
  texts->constraints = {in.extra_constraints().begin(), in.extra_constraints().end()};
  out.texts = std::move(texts);
  if (limits.guardrails == nullptr) return out;
  std::string all = in.description() + "\n" + in.context();
  for (const auto& constraint : in.extra_constraints()) all += "\n" + constraint;
  if (auto denial = limits.guardrails->check(spec, all)) {
    return Error{Code::PermissionDenied, denial->text()};
  }
  return out;
}

Result<void> expand(const ::orchestrator::NewTask& in, const InputLimits& limits, std::vector<Submission>& out) {
  const auto [mode, rest] = mode_of(in.description());
  if (mode == TaskMode::Plain) {
    BOOST_OUTCOME_TRY(auto task, to_submission(in, limits));
    BOOST_OUTCOME_TRY(check_parent(task.spec, in, limits));
    out.push_back(std::move(task));
    return outcome::success();
  }
  const bool war_room = mode == TaskMode::WarRoom;
  const auto parts = listed(war_room ? in.stack() : in.role());
  if (parts.empty()) return invalid(war_room ? "stack" : "role", war_room ? "a war room needs its stacks" : "a council needs its seats");
  if (parts.size() > kPartsMax) return invalid(war_room ? "stack" : "role", "more than 32 parts");
  ::orchestrator::NewTask last = in;
  last.set_description(std::string(rest));
  if (last.task_id().empty()) last.set_task_id(uuid_v7(SystemClock().wall_now()));
  if (war_room) last.clear_stack();
  else last.set_role(parts.back());
  for (std::size_t i = 0; i + (war_room ? 0 : 1) < parts.size(); ++i) {
    ::orchestrator::NewTask part = in;
    part.set_description(std::string(rest));
    part.set_task_id(uuid_v7(SystemClock().wall_now()));
    part.set_parent_id(last.task_id());
    (war_room ? *part.mutable_stack() : *part.mutable_role()) = parts[i];
    if (!in.idempotency_key().empty()) part.set_idempotency_key(in.idempotency_key() + "/" + parts[i]);
    if (in.idempotency_key().empty() && !in.task_id().empty()) part.set_idempotency_key(in.task_id() + "/" + parts[i]);
    // A seat hears those before it; the stacks do not wait for each other.
    if (!war_room && i > 0) part.add_depends_on(text(out.back().spec.id));
    BOOST_OUTCOME_TRY(auto task, to_submission(part, limits));
    task.spec.content_digest = digest_of(in);
    task.implied = true;
    if (war_room || i + 2 == parts.size()) last.add_depends_on(text(task.spec.id));
    out.push_back(std::move(task));
  }
  BOOST_OUTCOME_TRY(auto task, to_submission(last, limits));
  BOOST_OUTCOME_TRY(check_parent(task.spec, in, limits));
  task.spec.content_digest = digest_of(in);
  out.push_back(std::move(task));
  return outcome::success();
}

Result<std::vector<Submission>> to_submissions(const ::orchestrator::SubmitTasksRequest& in,
                                               const InputLimits& limits) {
  if (in.tasks().empty()) return invalid("tasks", "is empty");
  if (static_cast<std::size_t>(in.tasks_size()) > limits.tasks_max) {
    return invalid("tasks", "more than " + std::to_string(limits.tasks_max));
  }
  std::vector<Submission> out;
  out.reserve(static_cast<std::size_t>(in.tasks_size()));
  for (int i = 0; i < in.tasks_size(); ++i) {
    auto added = expand(in.tasks(i), limits, out);
    if (!added) {
      return Error{added.error().code, "tasks[" + std::to_string(i) + "]: " + added.error().message};
    }
  }
  return out;
}

}  // namespace swarm::orchestrator::grpc_api

#include <algorithm>

#include "adapters/grpc/mapping_checks.hpp"
#include "domain/task_mode.hpp"
#include "domain/text_cut.hpp"

// Schedules and holds.
namespace swarm::orchestrator::grpc_api {
namespace {

constexpr std::size_t kScheduleNameMax = 128;
constexpr std::size_t kDescriptionShown = 200;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

Result<void> check_schedule_name(const std::string& name) {
  if (name.empty()) return invalid("name", "is missing");
  if (name.size() > kScheduleNameMax || !std::all_of(name.begin(), name.end(), is_plain)) {
    return invalid("name", "only letters, digits, '.', '_' and '-', at most 128");
  }
  return outcome::success();
}

/// What belongs to one task only.
Result<void> check_repeatable(const ::orchestrator::NewTask& task, const InputLimits& limits) {
  const std::pair<const char*, bool> single[] = {{"task.task_id", !task.task_id().empty()},
                                                 {"task.idempotency_key", !task.idempotency_key().empty()},
                                                 {"task.depends_on", task.depends_on_size() > 0},
                                                 {"task.parent_id", !task.parent_id().empty()},
                                                 {"task.delay_ms", task.delay_ms() != 0}};
  for (const auto& [field, set] : single) {
    if (set) return invalid(field, "belongs to one task only, not to a schedule");
  }
  if (mode_of(task.description()).mode != TaskMode::Plain) return invalid("task.description", "a mode cannot be scheduled");
  if (task.description().size() + task.context().size() > limits.scheduled_text_bytes_max) {
    return invalid("task", "its texts are longer than " + std::to_string(limits.scheduled_text_bytes_max) + " bytes");
  }
  return outcome::success();
}

template <class Ours, class Theirs>
Result<Ours> chosen(std::string_view field, Theirs value, Ours fallback, Ours last) {
  const int number = static_cast<int>(value);
  if (number == 0) return fallback;
  if (number < 0 || number > static_cast<int>(last)) return invalid(field, "unknown value");
  return static_cast<Ours>(number);
}

void fill(::orchestrator::NewTask& out, const Schedule& schedule, bool whole) {
  const TaskSpec& spec = *schedule.task;
  const auto& texts = *schedule.texts;
  out.set_description(whole ? texts.description : std::string(utf8_prefix(texts.description, kDescriptionShown)));
  if (whole) out.set_context(texts.context);
  for (const auto& constraint : texts.constraints) out.add_extra_constraints(constraint);
  if (!spec.stack_is_guess) out.set_stack(spec.stack);
  for (const auto& name : spec.capabilities) out.add_required_capabilities(name);
  for (const auto& name : spec.permissions) out.add_required_permissions(name);
  out.set_priority(spec.priority);
  out.set_workflow_state(spec.first_state);
  out.set_until_state(spec.until_state);
  out.set_role(spec.role);
  out.set_max_attempts(spec.max_attempts);
  for (const auto& [key, value] : spec.labels) (*out.mutable_labels())[key] = value;
  out.set_tenant(spec.tenant);
  out.set_requires_approval(spec.requires_approval);
  out.set_deadline_ms(schedule.deadline.count());
  if (!spec.terms) return;
  out.set_budget_usd(static_cast<double>(spec.terms->budget_nanos) * 1e-9);
  out.set_schedule_to_start_ms(spec.terms->schedule_to_start.count());
  out.set_start_to_close_ms(spec.terms->start_to_close.count());
  out.set_heartbeat_ms(spec.terms->heartbeat.count());
  out.set_concurrency_key(spec.terms->concurrency_key);
  out.set_concurrency_max(spec.terms->concurrency_max);
}

}  // namespace

Result<ScheduleEntry> to_schedule(const ::orchestrator::NewSchedule& in, const InputLimits& limits) {
  ScheduleEntry out;
  Schedule& schedule = out.schedule;
  BOOST_OUTCOME_TRY(check_schedule_name(in.name()));
  BOOST_OUTCOME_TRY(check_repeatable(in.task(), limits));
  BOOST_OUTCOME_TRY(out.cron, Cron::parse(in.cron()));
  schedule.name = in.name();
  schedule.cron = in.cron();
  schedule.zone = in.time_zone().empty() ? "UTC" : in.time_zone();
  out.zone = limits.zones == nullptr ? nullptr : limits.zones->find(schedule.zone);
  if (!out.zone) return invalid("time_zone", "'" + first_line(schedule.zone, 60) + "' is not known here");
  BOOST_OUTCOME_TRY(schedule.missed, chosen("missed", in.missed(), MissedFirings::Skip, MissedFirings::One));
  BOOST_OUTCOME_TRY(schedule.overlap, chosen("overlap", in.overlap(), Overlap::Allow, Overlap::Cancel));
  auto submission = to_submission(in.task(), limits);
  if (!submission) return Error{submission.error().code, "task: " + submission.error().message};
  auto& task = submission.value();
  const std::string terms = schedule.cron + '\n' + schedule.zone + '\n' + std::to_string(static_cast<int>(schedule.missed)) + '\n' +
                            std::to_string(static_cast<int>(schedule.overlap));
  schedule.content_digest = stable_hash(terms, task.spec.content_digest);
  schedule.deadline = task.deadline;
  schedule.task = std::make_shared<TaskSpec>(std::move(task.spec));
  schedule.texts = std::move(task.texts);
  return out;
}

Result<Hold> to_hold(const ::orchestrator::HoldRequest& in, const InputLimits& limits) {
  Hold out;
  if (in.kind() < ::orchestrator::HOLD_AGENT || in.kind() > ::orchestrator::HOLD_TENANT) return invalid("kind", "unknown value");
  if (in.name().empty() && in.kind() != ::orchestrator::HOLD_TENANT) return invalid("name", "is missing");
  BOOST_OUTCOME_TRY(check_name("name", in.name(), limits));
  out.kind = static_cast<HoldKind>(in.kind());
  out.name = in.name();
  out.reason = first_line(in.reason(), kReasonBytesMax);
  out.by = first_line(in.by(), limits.name_bytes_max);
  return out;
}

void fill(::orchestrator::Hold& out, const Hold& hold) {
  out.set_kind(static_cast<::orchestrator::HoldKind>(hold.kind));
  out.set_name(hold.name);
  out.set_reason(hold.reason);
  out.set_by(hold.by);
  out.set_since_unix_ms(unix_ms(hold.since));
}

void fill(::orchestrator::Schedule& out, const ScheduleView& view, bool whole) {
  const Schedule& schedule = view.schedule;
  auto& what = *out.mutable_what();
  what.set_name(schedule.name);
  what.set_cron(schedule.cron);
  what.set_time_zone(schedule.zone);
  what.set_missed(static_cast<::orchestrator::MissedFirings>(schedule.missed));
  what.set_overlap(static_cast<::orchestrator::Overlap>(schedule.overlap));
  fill(*what.mutable_task(), schedule, whole);
  out.set_paused(schedule.paused);
  out.set_note(schedule.note);
  out.set_created_unix_ms(unix_ms(schedule.created));
  if (schedule.last != WallTime{}) out.set_last_unix_ms(unix_ms(schedule.last));
  if (!schedule.last_task.empty()) out.set_last_task_id(text(schedule.last_task));
  out.set_fired(static_cast<std::int64_t>(schedule.fired));
  out.set_missed(static_cast<std::int64_t>(schedule.missed_count));
  out.set_overlapped(static_cast<std::int64_t>(schedule.overlapped));
  out.set_refused(static_cast<std::int64_t>(schedule.refused));
  for (const WallTime at : view.upcoming) out.add_next_unix_ms(unix_ms(at));
}

}  // namespace swarm::orchestrator::grpc_api

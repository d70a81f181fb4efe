#include "adapters/grpc/mapping.hpp"

#include <algorithm>

#include "domain/rule_check.hpp"

namespace swarm::analyst::adapters {

namespace {

constexpr std::size_t kSampleMax = 300;
constexpr std::size_t kExcerptMax = 3000;
constexpr std::size_t kIdMax = 256;

Result<void> check_size(std::string_view field, const std::string& value, std::size_t bytes_max) {
  if (value.size() <= bytes_max) return outcome::success();
  return Error{Code::InvalidArgument, std::string(field) + " has " + std::to_string(value.size()) + " bytes, at most " + std::to_string(bytes_max)};
}

// Both ends of a log, line breaks kept: what a person or a model needs to see of it. A test runner's closing summary
// only repeats the causes, cut short.
std::string excerpt(std::string_view log) {
  log = log.substr(0, log.find("short test summary info"));
  std::string text;
  const auto add = [&](std::string_view part) {
    while (!part.empty()) {
      const auto end = std::min(part.find('\n'), part.size());
      text += domain::printable(part.substr(0, std::min<std::size_t>(end, 400)), 400);
      text += '\n';
      part.remove_prefix(std::min(end + 1, part.size()));
    }
  };
  if (log.size() <= kExcerptMax) {
    add(log);
  } else {
    add(log.substr(0, kExcerptMax / 3));
    text += "[…]\n";
    add(log.substr(log.size() - 2 * kExcerptMax / 3));
  }
  return text;
}

}  // namespace

std::string_view log_of(const ::analyst::FailureEvent& event) {
  return event.error_log().empty() ? std::string_view(event.raw_log()) : std::string_view(event.error_log());
}

Result<void> check(const ::analyst::FailureEvent& event) {
  if (log_of(event).empty()) return Error{Code::InvalidArgument, "error_log is empty"};
  BOOST_OUTCOME_TRY(check_size("agent_id", event.agent_id(), kIdMax));
  BOOST_OUTCOME_TRY(check_size("task_id", event.task_id(), kIdMax));
  BOOST_OUTCOME_TRY(check_size("event_id", event.event_id(), kIdMax));
  BOOST_OUTCOME_TRY(check_size("stack", event.stack(), 64));
  return check_size("role", event.role(), 128);
}

Result<void> check(const ::analyst::Outcome& outcome) {
  if (outcome.task_id().empty()) return Error{Code::InvalidArgument, "task_id is empty"};
  if (outcome.outcome() != "success" && outcome.outcome() != "failure")
    return Error{Code::InvalidArgument, "outcome=" + outcome.outcome() + " is neither success nor failure"};
  BOOST_OUTCOME_TRY(check_size("task_id", outcome.task_id(), kIdMax));
  BOOST_OUTCOME_TRY(check_size("stack", outcome.stack(), 64));
  return check_size("role", outcome.role(), 128);
}

application::FailureReport to_report(const ::analyst::FailureEvent& event, const domain::Analysis& analysis) {
  application::FailureReport report;
  report.kind = {analysis.kind, event.role(), event.stack(), analysis.family, domain::printable(analysis.cause, domain::Masker::kTextMax),
                 domain::printable(analysis.sample, kSampleMax), excerpt(log_of(event))};
  report.place = analysis.place;
  report.agent_id = event.agent_id();
  report.task_id = event.task_id();
  report.attempt = event.attempt();
  report.event_id = event.event_id();
  return report;
}

application::OutcomeReport to_report(const ::analyst::Outcome& outcome) {
  return {outcome.task_id(), outcome.attempt(), outcome.stack(), outcome.role(),
          {outcome.rules_given().begin(), outcome.rules_given().end()},
          {outcome.rules_held_out().begin(), outcome.rules_held_out().end()},
          outcome.outcome() == "success", outcome.at_unix_ms()};
}

void fill(const domain::GoldenRule& rule, const domain::Group* group, ::analyst::GoldenRule& out) {
  out.set_rule_id(rule.id);
  out.set_stack(rule.stack);
  out.set_role(rule.role);
  out.set_text(rule.text);
  out.set_state(std::string(name(rule.state)));
  out.set_author(rule.author);
  out.set_kind_id(text(rule.kind));
  for (const auto& id : rule.evidence) out.add_evidence(id);
  out.set_created_unix_ms(rule.created_ms);
  out.set_version(rule.version);
  out.set_cause(rule.cause);
  if (group != nullptr) {
    out.set_failures(static_cast<std::int32_t>(group->events));
    out.set_tasks(static_cast<std::int32_t>(group->tasks));
  }
  out.set_effect(effect_share(rule.effect));
  out.set_state_reason(rule.state_reason);
  out.set_expires_unix_ms(rule.expires_ms);
  out.set_activated_unix_ms(rule.activated_ms);
  out.set_must_not_match(rule.must_not_match);
  for (const auto& step : rule.history) {
    auto& row = *out.add_history();
    row.set_version(step.version);
    row.set_at_unix_ms(step.at_ms);
    row.set_state(std::string(name(step.state)));
    row.set_author(step.author);
    row.set_text(step.text);
    row.set_reason(step.reason);
  }
}

void fill(const domain::RuleBalance& seen, ::analyst::RuleEffect& out) {
  out.set_given_attempts(seen.given.trials);
  out.set_given_failures(seen.given.hits);
  out.set_held_attempts(seen.held.trials);
  out.set_held_failures(seen.held.hits);
  out.set_held_difference(seen.against_held.value);
  out.set_held_low(seen.against_held.low);
  out.set_held_high(seen.against_held.high);
  out.set_before_attempts(seen.before.trials);
  out.set_before_failures(seen.before.hits);
  out.set_after_attempts(seen.after.trials);
  out.set_after_failures(seen.after.hits);
  out.set_before_difference(seen.against_before.value);
  out.set_before_low(seen.against_before.low);
  out.set_before_high(seen.against_before.high);
}

void fill(const domain::GroupFlags& flags, ::analyst::FailureGroup& out) {
  out.set_is_new(flags.is_new);
  out.set_regressed(flags.regressed);
  out.set_escalating(flags.escalating);
}

void fill(const domain::KindText& kind, const domain::Group& group, ::analyst::FailureGroup& out) {
  out.set_kind_id(text(group.kind));
  out.set_role(kind.role);
  out.set_stack(kind.stack);
  out.set_cause(kind.cause);
  out.set_family(std::string(name(kind.family)));
  out.set_events(group.events);
  out.set_tasks(group.tasks);
  out.set_sample(kind.sample);
  out.set_first_seen_unix_ms(group.first_ms);
  out.set_last_seen_unix_ms(group.last_ms);
}

}  // namespace swarm::analyst::adapters

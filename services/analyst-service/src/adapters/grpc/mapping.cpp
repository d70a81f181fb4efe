#include "adapters/grpc/mapping.hpp"

#include <algorithm>

#include "domain/log_lines.hpp"
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

std::string shown_sample(std::string_view line) { return domain::printable(line, kSampleMax); }

std::string_view log_of(const ::analyst::FailureEvent& event) {
  return event.error_log().empty() ? std::string_view(event.raw_log()) : std::string_view(event.error_log());
}

Result<void> check(const ::analyst::FailureEvent& event) {
  if (domain::is_blank_log(log_of(event))) return Error{Code::InvalidArgument, log_of(event).empty() ? "error_log is empty" : "error_log holds nothing but blanks"};
  if (event.attempt() < 0) return Error{Code::InvalidArgument, "attempt=" + std::to_string(event.attempt()) + " is negative"};
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
  if (outcome.attempt() < 0) return Error{Code::InvalidArgument, "attempt=" + std::to_string(outcome.attempt()) + " is negative"};
  BOOST_OUTCOME_TRY(check_size("task_id", outcome.task_id(), kIdMax));
  BOOST_OUTCOME_TRY(check_size("stack", outcome.stack(), 64));
  return check_size("role", outcome.role(), 128);
}

application::FailureReport to_report(const ::analyst::FailureEvent& event, const domain::Analysis& analysis) {
  application::FailureReport report;
  report.kind = {analysis.kind, event.role(), event.stack(), analysis.family, domain::printable(analysis.cause, domain::Masker::kTextMax),
                 shown_sample(analysis.sample), excerpt(log_of(event))};
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
  out.set_must_match(rule.must_match);
  out.set_schema_proposal(rule.schema_proposal);
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

Result<application::GroupingChange> to_change(const ::analyst::GroupingChange& in) {
  using Action = application::GroupingChange::Action;
  application::GroupingChange change;
  const auto bad = [](std::string why) { return Error{Code::InvalidArgument, std::move(why)}; };
  if (in.action() == "merge") change.action = Action::Merge;
  else if (in.action() == "unmerge") change.action = Action::Unmerge;
  else if (in.action() == "split") change.action = Action::Split;
  else if (in.action() == "unsplit") change.action = Action::Unsplit;
  else return bad("action=" + in.action() + " is none of merge, unmerge, split, unsplit");
  change.kind = domain::parse_id(in.kind_id());
  if (change.kind.empty()) return bad("kind_id=" + in.kind_id() + " is no id of a kind");
  change.into = domain::parse_id(in.into_kind_id());
  if (change.action == Action::Merge && change.into.empty()) return bad("into_kind_id=" + in.into_kind_id() + " is no id of a kind");
  change.pattern = in.pattern();
  change.name = domain::printable(in.name(), 64);
  if (change.action == Action::Split && change.name != in.name()) return bad("name is not printable, or longer than 64 bytes");
  change.reason = domain::printable(in.reason(), 300);
  return change;
}

void fill(const std::vector<ports::GroupRoute>& routes, ::analyst::GroupingRules& out) {
  for (const auto& route : routes) {
    auto& row = *out.add_routes();
    row.set_kind_id(text(route.from));
    row.set_into_kind_id(text(route.into));
    row.set_pattern(route.pattern);
    row.set_name(route.name);
    row.set_by(route.by);
    row.set_reason(route.reason);
    row.set_at_unix_ms(route.at_ms);
  }
}

void fill(const domain::GroupingRules& rules, ::analyst::GroupingRules& out) {
  for (const auto* mask : rules.all_masks()) {
    auto& row = *out.add_configured();
    row.set_name(mask->name);
    row.set_pattern(mask->pattern);
  }
  for (const auto* rule : rules.all_fingerprints()) {
    auto& row = *out.add_configured();
    row.set_name(rule->name);
    row.set_stack(rule->stack);
    row.set_role(rule->role);
    row.set_family(rule->family);
    row.set_pattern(rule->pattern);
    row.set_fingerprint(rule->fingerprint);
  }
}

}  // namespace swarm::analyst::adapters

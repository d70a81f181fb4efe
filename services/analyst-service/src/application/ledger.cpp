#include "application/ledger.hpp"

#include <algorithm>

#include "domain/rule_check.hpp"
#include "domain/rule_template.hpp"

namespace swarm::analyst::application {

namespace {

constexpr std::size_t kEvidenceMax = 10;

std::vector<domain::Id> repeat_keys(const FailureReport& report) {
  std::vector<domain::Id> keys;
  if (!report.event_id.empty()) keys.push_back(domain::Digest().add("event").add(report.event_id).id());
  if (!report.task_id.empty() && report.attempt > 0)
    keys.push_back(domain::Digest().add("attempt").add(report.task_id).add(static_cast<std::uint64_t>(report.attempt)).id());
  return keys;
}

// Without a task every event is a task of its own.
domain::Id task_key(const FailureReport& report, std::uint64_t sequence) {
  if (!report.task_id.empty()) return domain::Digest().add("task").add(report.task_id).id();
  if (!report.event_id.empty()) return domain::Digest().add("event").add(report.event_id).id();
  return domain::Digest().add("sequence").add(sequence).id();
}

std::string evidence_id(const FailureReport& report, std::uint64_t sequence) {
  if (!report.event_id.empty()) return report.event_id;
  if (!report.task_id.empty()) return report.task_id + "#" + std::to_string(report.attempt);
  return "event-" + std::to_string(sequence);
}

}  // namespace

Result<void> Ledger::recover() {
  BOOST_OUTCOME_TRY(auto found, store_.recover());
  for (const auto& group : found.groups) groups_.emplace(group.kind, group);
  for (auto& rule : found.rules) rules_.emplace(rule.kind, std::move(rule));
  for (auto& scope : found.scopes) scopes_.emplace(std::pair(scope.stack, scope.role), scope);
  totals_ = found.totals;
  std::int64_t counted = totals_.aged_events;
  for (const auto& [kind, group] : groups_) counted += group.events;
  if (counted != totals_.events)
    return Error{Code::DataLoss, "the groups hold " + std::to_string(counted) + " events, the journal counted " + std::to_string(totals_.events)};
  draft_.totals = totals_;
  return outcome::success();
}

Result<bool> Ledger::is_repeat(const std::vector<domain::Id>& keys) {
  for (const auto& key : keys) {
    if (draft_.repeat_keys.contains(key)) return true;
    BOOST_OUTCOME_TRY(const bool known, store_.is_repeat(key));
    if (known) return true;
  }
  return false;
}

Result<bool> Ledger::is_new_task(const domain::Id& kind, const domain::Id& task) {
  if (draft_.tasks.contains({kind, task})) return false;
  BOOST_OUTCOME_TRY(const bool known, store_.has_task(kind, task));
  return !known;
}

const domain::Group* Ledger::find_group(const domain::Id& kind) const {
  if (const auto it = draft_.groups.find(kind); it != draft_.groups.end()) return &it->second;
  const auto it = groups_.find(kind);
  return it == groups_.end() ? nullptr : &it->second;
}

const domain::GoldenRule* Ledger::find_rule(const domain::Id& kind) const {
  if (const auto it = draft_.rules.find(kind); it != draft_.rules.end()) return &it->second;
  const auto it = rules_.find(kind);
  return it == rules_.end() ? nullptr : &it->second;
}

Result<FailureAnswer> Ledger::stage(const FailureReport& report, std::int64_t now_ms) {
  FailureAnswer answer;
  const auto& kind = report.kind.kind;
  const auto keys = repeat_keys(report);
  BOOST_OUTCOME_TRY(answer.repeat, is_repeat(keys));
  const domain::Group* known = find_group(kind);
  domain::Group group = known ? *known : domain::Group{kind, 0, 0, now_ms, now_ms};
  if (answer.repeat) {
    ++draft_.totals.repeats;
  } else {
    const auto sequence = draft_.totals.next_sequence;
    auto task = task_key(report, sequence);
    BOOST_OUTCOME_TRY(const bool new_task, is_new_task(kind, task));
    if (known == nullptr) draft_.kinds.push_back(report.kind);
    ++draft_.totals.next_sequence;
    ++draft_.totals.events;
    ++group.events;
    group.tasks += new_task ? 1 : 0;
    group.first_ms = std::min(group.first_ms, now_ms);
    group.last_ms = std::max(group.last_ms, now_ms);
    draft_.groups[kind] = group;
    draft_.repeat_keys.insert(keys.begin(), keys.end());
    if (new_task) draft_.tasks.insert({kind, task});
    else task = {};
    const auto evidence = evidence_id(report, sequence);
    draft_.journal.push_back({sequence, keys, kind, report.place, task, evidence, report.task_id, report.agent_id, now_ms});
    if (group.tasks >= limits_.threshold && find_rule(kind) == nullptr) {
      BOOST_OUTCOME_TRY(make_rule(report.kind, group, evidence, now_ms));
      answer.rule_made = true;
    }
  }
  const auto* rule = find_rule(kind);
  if (rule != nullptr && rule->state == domain::RuleState::Active) answer.rule_text = rule->text;
  answer.group = group;
  return answer;
}

// The template's rule holds at once; a model may better its text later.
Result<void> Ledger::make_rule(const domain::KindText& kind, const domain::Group& group, const std::string& evidence,
                               std::int64_t now_ms) {
  domain::GoldenRule rule;
  rule.id = domain::rule_id(kind.kind);
  rule.kind = kind.kind;
  rule.stack = kind.stack;
  rule.role = kind.role;
  rule.cause = domain::printable(kind.cause, 400);
  rule.text = domain::rule_from_template(kind);
  rule.author = "template";
  rule.created_ms = now_ms;
  rule.version = ++draft_.totals.rule_version;
  BOOST_OUTCOME_TRY(rule.evidence, store_.evidence(kind.kind, kEvidenceMax - 1));
  for (const auto& entry : draft_.journal)
    if (entry.kind == kind.kind && rule.evidence.size() < kEvidenceMax && entry.event_id != evidence) rule.evidence.push_back(entry.event_id);
  rule.evidence.push_back(evidence);
  const auto fault = domain::fault_of_rule(rule.text, rule.cause);
  rule.state = fault.empty() && !limits_.approval ? domain::RuleState::Active : domain::RuleState::Proposed;
  rule.state_reason = !fault.empty() ? "refused: " + fault : limits_.approval ? "waits for approval" : "threshold reached";
  rule.effect.kind_failures_before = group.events;
  if (const auto it = scopes_.find({kind.stack, kind.role}); it != scopes_.end())
    rule.effect.scope_outcomes_before = it->second.successes + it->second.failures;
  draft_.rules[kind.kind] = std::move(rule);
  return outcome::success();
}

domain::GoldenRule* Ledger::rule_for_change(const std::string& rule_id) {
  for (const auto* rules : {&draft_.rules, &rules_}) {
    for (const auto& [kind, rule] : *rules)
      if (rule.id == rule_id) return &(draft_.rules[kind] = rule);
  }
  return nullptr;
}

domain::ScopeOutcomes& Ledger::scope_for_change(const std::string& stack, const std::string& role) {
  const auto key = std::pair(stack, role);
  const auto it = scopes_.find(key);
  return draft_.scopes.try_emplace(key, it == scopes_.end() ? domain::ScopeOutcomes{stack, role, 0, 0} : it->second).first->second;
}

Result<bool> Ledger::stage(const OutcomeReport& report, std::int64_t now_ms) {
  std::vector<domain::Id> keys{domain::Digest().add("outcome").add(report.task_id).add(static_cast<std::uint64_t>(report.attempt)).id()};
  BOOST_OUTCOME_TRY(const bool repeat, is_repeat(keys));
  if (repeat) return false;
  auto& scope = scope_for_change(report.stack, report.role);
  ++(report.success ? scope.successes : scope.failures);
  for (const auto& id : report.rules_given) {
    if (auto* rule = rule_for_change(id)) ++(report.success ? rule->effect.given_successes : rule->effect.given_failures);
  }
  for (const auto& id : report.rules_held_out) {
    if (auto* rule = rule_for_change(id)) ++(report.success ? rule->effect.held_successes : rule->effect.held_failures);
  }
  draft_.repeat_keys.insert(keys.front());
  const auto sequence = draft_.totals.next_sequence++;
  draft_.journal.push_back({sequence, std::move(keys), {}, {}, {}, {}, report.task_id, {}, report.at_ms > 0 ? report.at_ms : now_ms});
  return true;
}

Result<domain::GoldenRule> Ledger::stage(const RuleChange& change) {
  auto* rule = rule_for_change(change.rule_id);
  if (rule == nullptr) return Error{Code::NotFound, "no rule id=" + change.rule_id};
  if (change.expected_version != 0 && rule->version != change.expected_version)
    return Error{Code::Aborted, "rule changed meanwhile id=" + change.rule_id};
  if (change.text) rule->text = *change.text;
  if (change.author) rule->author = *change.author;
  if (change.state) rule->state = *change.state;
  if (!change.reason.empty()) rule->state_reason = change.reason;
  rule->version = ++draft_.totals.rule_version;
  return *rule;
}

// Groups without a rule that were not seen for longest go, a twentieth at a time, so that the search is rare.
void Ledger::forget_least_recent() {
  if (groups_.size() <= limits_.groups_max) return;
  std::vector<const domain::Group*> candidates;
  for (const auto& [kind, group] : groups_)
    if (find_rule(kind) == nullptr && !draft_.groups.contains(kind)) candidates.push_back(&group);
  const auto excess = groups_.size() - limits_.groups_max + limits_.groups_max / 20;
  const auto count = std::min(excess, candidates.size());
  const auto older = [](const domain::Group* a, const domain::Group* b) {
    return std::pair(a->last_ms, a->kind) < std::pair(b->last_ms, b->kind);
  };
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count), candidates.end(), older);
  for (std::size_t i = 0; i < count; ++i) {
    draft_.forgotten.push_back(candidates[i]->kind);
    draft_.totals.aged_events += candidates[i]->events;
    ++draft_.totals.aged_groups;
  }
}

ports::Changes Ledger::changes() {
  forget_least_recent();
  ports::Changes out;
  out.journal = draft_.journal;
  out.kinds = draft_.kinds;
  for (const auto& [kind, group] : draft_.groups) out.groups.push_back(group);
  for (const auto& [kind, rule] : draft_.rules) out.rules.push_back(rule);
  for (const auto& [key, scope] : draft_.scopes) out.scopes.push_back(scope);
  out.forgotten = draft_.forgotten;
  out.totals = draft_.totals;
  out.journal_entries_max = limits_.journal_entries_max;
  return out;
}

void Ledger::committed() {
  for (const auto& [kind, group] : draft_.groups) groups_[kind] = group;
  for (auto& [kind, rule] : draft_.rules) rules_[kind] = std::move(rule);
  for (auto& [key, scope] : draft_.scopes) scopes_[key] = std::move(scope);
  for (const auto& kind : draft_.forgotten) groups_.erase(kind);
  totals_ = draft_.totals;
  dropped();
}

void Ledger::dropped() {
  draft_ = Draft();
  draft_.totals = totals_;
}

std::vector<domain::Group> Ledger::largest(std::size_t limit) const {
  std::vector<domain::Group> all;
  all.reserve(groups_.size());
  for (const auto& [kind, group] : groups_) all.push_back(group);
  const auto count = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), [](const auto& a, const auto& b) {
    return a.events != b.events ? a.events > b.events : a.kind < b.kind;
  });
  all.resize(count);
  return all;
}

}  // namespace swarm::analyst::application

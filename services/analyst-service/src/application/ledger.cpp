#include "application/ledger.hpp"

#include <algorithm>

#include "domain/rule_check.hpp"
#include "domain/rule_template.hpp"
#include "domain/schema_gap.hpp"

namespace swarm::analyst::application {

namespace {

constexpr std::size_t kEvidenceMax = 10;

domain::Id attempt_key(const std::string& task_id, std::int64_t attempt) {
  return domain::Digest().add("attempt").add(task_id).add(static_cast<std::uint64_t>(attempt)).id();
}

std::vector<domain::Id> repeat_keys(const FailureReport& report) {
  std::vector<domain::Id> keys;
  if (!report.event_id.empty()) keys.push_back(domain::Digest().add("event").add(report.event_id).id());
  if (!report.task_id.empty() && report.attempt > 0)
    keys.push_back(attempt_key(report.task_id, report.attempt));
  return keys;
}

// Without a task every event is a task of its own.
domain::Id task_key(const FailureReport& report, std::uint64_t sequence) {
  if (!report.task_id.empty()) return domain::Digest().add("task").add(report.task_id).id();
  if (!report.event_id.empty()) return domain::Digest().add("event").add(report.event_id).id();
  return domain::Digest().add("sequence").add(sequence).id();
}

domain::Id agent_key(const FailureReport& report) {
  return report.agent_id.empty() ? domain::Id{} : domain::Digest().add("agent").add(report.agent_id).id();
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
  for (const auto& route : found.routes) {
    BOOST_OUTCOME_TRY(routes_.put(route));
  }
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

Result<bool> Ledger::is_new(const domain::Id& kind, const domain::Id& task) {
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
  const auto way = staged_routes().find(report.kind.kind, report.kind.sample);
  const auto& kind = way.own;
  const auto keys = repeat_keys(report);
  BOOST_OUTCOME_TRY(answer.repeat, is_repeat(keys));
  const domain::Group* known = find_group(kind);
  domain::Group group = known ? *known : domain::Group{kind, 0, 0, now_ms, now_ms};
  if (answer.repeat) {
    ++draft_.totals.repeats;
  } else {
    const auto sequence = draft_.totals.next_sequence;
    auto task = task_key(report, sequence);
    auto agent = agent_key(report);
    BOOST_OUTCOME_TRY(const bool new_task, is_new(kind, task));
    bool new_agent = false;
    if (!agent.empty()) {
      BOOST_OUTCOME_TRY(new_agent, is_new(kind, agent));
    }
    if (known == nullptr) {
      draft_.kinds.push_back(report.kind);
      draft_.kinds.back().kind = kind;
      if (way.split != nullptr) draft_.kinds.back().cause += " [" + way.split->name + "]";
    }
    ++draft_.totals.next_sequence;
    ++draft_.totals.events;
    domain::count_event(group, now_ms);
    group.tasks += new_task ? 1 : 0;
    group.agents += new_agent ? 1 : 0;
    BOOST_OUTCOME_TRY(count_merged(way, new_task ? task : domain::Id{}, new_agent ? agent : domain::Id{}, group));
    draft_.groups[kind] = group;
    draft_.repeat_keys.insert(keys.begin(), keys.end());
    if (new_task) draft_.tasks.insert({kind, task});
    else task = {};
    if (new_agent) draft_.tasks.insert({kind, agent});
    else agent = {};
    const auto evidence = evidence_id(report, sequence);
    draft_.journal.push_back({sequence, keys, kind, report.place, task, evidence, report.task_id, report.agent_id, now_ms, agent});
    // Who gives no name can't be told from others, and counts as one.
    const auto all = staged_group(way.root);
    const bool quorum = std::max<std::int64_t>(all.agents, 1) >= limits_.agents_min;
    if (all.tasks >= limits_.threshold && quorum && find_rule(way.root) == nullptr) {
      auto about = report.kind;
      about.kind = way.root;
      if (way.merge != nullptr) {
        BOOST_OUTCOME_TRY(about, store_.kind_text(way.root));
      }
      BOOST_OUTCOME_TRY(make_rule(about, evidence, now_ms));
      answer.rule_made = true;
    }
  }
  const auto* rule = find_rule(way.root);
  if (rule != nullptr && rule->state == domain::RuleState::Active) answer.rule_text = rule->text;
  answer.group = answer.repeat && known == nullptr ? group : staged_group(way.root);
  return answer;
}

// The template's rule holds at once; a model may better its text later.
Result<void> Ledger::make_rule(const domain::KindText& kind, const std::string& evidence, std::int64_t now_ms) {
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
  for (const auto& member : staged_routes().members(kind.kind)) {
    BOOST_OUTCOME_TRY(const auto more, store_.evidence(member, kEvidenceMax));
    for (const auto& id : more)
      if (rule.evidence.size() + 1 < kEvidenceMax) rule.evidence.push_back(id);
  }
  for (const auto& entry : draft_.journal)
    if (!entry.kind.empty() && staged_routes().root(entry.kind) == kind.kind && rule.evidence.size() < kEvidenceMax && entry.event_id != evidence) rule.evidence.push_back(entry.event_id);
  rule.evidence.push_back(evidence);
  rule.must_not_match = domain::check_for(kind.cause);
  rule.schema_proposal = domain::schema_proposal(kind, staged_group(kind.kind).tasks);
  auto fault = domain::fault_of_rule(rule.text, rule.cause);
  if (fault.empty()) fault = fault_among_others(rule);
  const bool waits = !fault.empty() || limits_.sanity || limits_.approval;
  set_state(rule, waits ? domain::RuleState::Proposed : domain::RuleState::Active,
            !fault.empty()     ? "refused: " + fault
            : limits_.sanity   ? std::string(domain::kWaitsForSanity)
            : limits_.approval ? "waits for approval"
                               : "threshold reached",
            now_ms);
  draft_.rules[kind.kind] = std::move(rule);
  return outcome::success();
}

// Every change of a rule passes here: the comparison begins anew when it becomes active, and its history grows by a step.
void Ledger::set_state(domain::GoldenRule& rule, domain::RuleState state, const std::string& reason, std::int64_t now_ms) {
  const bool activated = state == domain::RuleState::Active && (rule.state != state || rule.activated_ms == 0);
  rule.state = state;
  if (!reason.empty()) rule.state_reason = reason;
  if (activated) {
    rule.effect = {};
    rule.effect.kind_failures_before = staged_group(rule.kind).events;
    rule.effect.scope_outcomes_before = staged_outcomes(rule.stack, rule.role);
    rule.activated_ms = now_ms;
    rule.expires_ms = limits_.lifetime_ms > 0 ? now_ms + limits_.lifetime_ms : 0;
  }
  domain::remember_step(rule, now_ms);
}

// Against the active rules that the same agents get.
std::string Ledger::fault_among_others(const domain::GoldenRule& rule) const {
  for (const auto* rules : {&draft_.rules, &rules_}) {
    for (const auto& [kind, other] : *rules) {
      if (other.state != domain::RuleState::Active || other.id == rule.id || !domain::in_scope(other, rule.stack, rule.role)) continue;
      if (domain::contradicts(rule.text, other.text)) return "contradicts rule " + other.id;
      if (domain::says_the_same(rule.text, other.text)) return "says the same as rule " + other.id;
    }
  }
  return {};
}

std::int64_t Ledger::scope_outcomes(const std::string& stack, const std::string& role) const {
  const auto it = scopes_.find(std::pair(stack, role));
  return it == scopes_.end() ? 0 : it->second.successes + it->second.failures;
}

std::int64_t Ledger::staged_outcomes(const std::string& stack, const std::string& role) const {
  const auto it = draft_.scopes.find(std::pair(stack, role));
  return it == draft_.scopes.end() ? scope_outcomes(stack, role) : it->second.successes + it->second.failures;
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
  domain::Id kind;
  if (!report.success) {
    BOOST_OUTCOME_TRY(kind, kind_of_attempt(report));
    kind = staged_routes().root(kind);
  }
  BOOST_OUTCOME_TRY(count_outcome(report, kind, now_ms));
  draft_.repeat_keys.insert(keys.front());
  const auto sequence = draft_.totals.next_sequence++;
  draft_.journal.push_back({sequence, std::move(keys), {}, {}, {}, {}, report.task_id, {}, report.at_ms > 0 ? report.at_ms : now_ms, {}});
  return true;
}

// An agent reports its failure before its attempt ends, so the failure is known by now, unless it never came.
Result<domain::Id> Ledger::kind_of_attempt(const OutcomeReport& report) {
  const auto key = attempt_key(report.task_id, report.attempt);
  for (const auto& entry : draft_.journal) {
    for (const auto& known : entry.repeat_keys)
      if (known == key) return entry.kind;
  }
  return store_.kind_of(key);
}

Result<void> Ledger::count_outcome(const OutcomeReport& report, const domain::Id& kind, std::int64_t now_ms) {
  for (const bool given : {true, false}) {
    for (const auto& id : given ? report.rules_given : report.rules_held_out) {
      auto* rule = rule_for_change(id);
      if (rule == nullptr) continue;
      auto& e = rule->effect;
      ++(report.success ? (given ? e.given_successes : e.held_successes) : (given ? e.given_failures : e.held_failures));
      if (!kind.empty() && rule->kind == kind) ++(given ? e.given_kind_failures : e.held_kind_failures);
      if (rule->state != domain::RuleState::Active) continue;
      const auto seen = domain::balance(e, staged_group(rule->kind).events, staged_outcomes(rule->stack, rule->role));
      const auto reason = domain::retire_reason(seen, limits_.trial);
      if (reason.empty()) continue;
      rule->version = ++draft_.totals.rule_version;
      set_state(*rule, domain::RuleState::Retired, reason, now_ms);
    }
  }
  return outcome::success();
}

Result<domain::GoldenRule> Ledger::stage(const RuleChange& change, std::int64_t now_ms) {
  auto* rule = rule_for_change(change.rule_id);
  if (rule == nullptr) return Error{Code::NotFound, "no rule id=" + change.rule_id};
  if (change.expected_version != 0 && rule->version != change.expected_version)
    return Error{Code::Aborted, "rule changed meanwhile id=" + change.rule_id};
  domain::GoldenRule changed = *rule;
  if (change.text) changed.text = *change.text;
  if (change.author) changed.author = *change.author;
  if (change.must_match) changed.must_match = *change.must_match;
  if (change.must_not_match) changed.must_not_match = *change.must_not_match;
  const auto state = change.state.value_or(changed.state);
  if (state == domain::RuleState::Active) {
    if (const auto fault = fault_among_others(changed); !fault.empty()) return Error{Code::FailedPrecondition, "rule id=" + change.rule_id + " " + fault};
  }
  changed.version = ++draft_.totals.rule_version;
  set_state(changed, state, change.reason, now_ms);
  *rule = std::move(changed);
  return *rule;
}

bool Ledger::has_expired(std::int64_t now_ms) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const auto& entry) {
    const auto& rule = entry.second;
    return rule.state == domain::RuleState::Active && rule.expires_ms > 0 && rule.expires_ms <= now_ms;
  });
}

void Ledger::stage_expiry(std::int64_t now_ms) {
  for (const auto& [kind, rule] : rules_) {
    if (rule.state != domain::RuleState::Active || rule.expires_ms == 0 || rule.expires_ms > now_ms || draft_.rules.contains(kind)) continue;
    auto& old = draft_.rules[kind] = rule;
    old.version = ++draft_.totals.rule_version;
    set_state(old, domain::RuleState::Retired, "its time is up", now_ms);
  }
}

// Groups without a rule that were not seen for longest go, a twentieth at a time, so that the search is rare.
void Ledger::forget_least_recent() {
  std::size_t size = groups_.size();
  for (const auto& [kind, group] : draft_.groups) size += groups_.contains(kind) ? 0 : 1;
  if (size <= limits_.groups_max) return;
  std::vector<const domain::Group*> candidates;
  for (const auto& [kind, group] : groups_)
    if (find_rule(kind) == nullptr && !draft_.groups.contains(kind) && !staged_routes().involves(kind)) candidates.push_back(&group);
  const auto excess = size - limits_.groups_max + limits_.groups_max / 20;
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
  out.routes = draft_.routes_new;
  out.routes_gone = draft_.routes_gone;
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
  if (draft_.routes) routes_ = std::move(*draft_.routes);
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
  for (const auto& [kind, group] : groups_)
    if (routes_.merge_of(kind) == nullptr) all.push_back(this->group(kind));
  const auto count = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), [](const auto& a, const auto& b) {
    return a.events != b.events ? a.events > b.events : a.kind < b.kind;
  });
  all.resize(count);
  return all;
}

}  // namespace swarm::analyst::application

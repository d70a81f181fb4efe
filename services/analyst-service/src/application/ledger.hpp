#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "application/group_routes.hpp"
#include "ports/failure_store.hpp"

namespace swarm::analyst::application {

/// One failure after analysis, on its way into the ledger.
struct FailureReport {
  domain::KindText kind;      // as this event shows it; kept from the first one
  domain::Id place;
  std::string agent_id;
  std::string task_id;
  std::int64_t attempt = 0;
  std::string event_id;
};

/// What the ledger says to a report.
struct FailureAnswer {
  domain::Group group;
  bool repeat = false;
  std::string rule_text;      // of the active rule for this kind; empty when there is none
  bool rule_made = false;     // by this very report
};

/// How one attempt ended, and which rules it carried.
struct OutcomeReport {
  std::string task_id;
  std::int64_t attempt = 0;
  std::string stack;
  std::string role;
  std::vector<std::string> rules_given;
  std::vector<std::string> rules_held_out;
  bool success = false;
  std::int64_t at_ms = 0;
};

/// A change to one rule. Fields without a value stay.
struct RuleChange {
  std::string rule_id;
  std::optional<std::string> text;
  std::optional<std::string> author;
  std::optional<domain::RuleState> state;
  std::optional<std::string> must_not_match;
  std::optional<std::string> must_match;
  std::string reason;
  std::uint64_t expected_version = 0;  // 0: any; otherwise Aborted when the rule has changed since
};

/// A person's change to where failures are counted.
struct GroupingChange {
  enum class Action { Merge, Unmerge, Split, Unsplit };
  Action action = Action::Merge;
  domain::Id kind;
  domain::Id into;      // Merge
  std::string pattern;  // Split
  std::string name;     // Split, Unsplit
  std::string by, reason;
};

struct LedgerLimits {
  std::int64_t threshold = 5;           // distinct tasks
  std::size_t groups_max = 50'000;      // in memory and in the store; the least recent ones without a rule go first
  std::uint64_t journal_entries_max = 1'000'000;
  bool approval = false;                // rules wait for a person
  std::int64_t agents_min = 1;          // distinct agents that must have failed, of those that give a name
  bool sanity = false;                  // rules wait for their sanity run
  std::int64_t lifetime_ms = 0;         // after its activation a rule retires; 0: never
  domain::Trial trial = {};
};

/// The books: which failures were counted, the groups, the rules. Every stage_…() works on a draft; the draft becomes
/// the truth when its changes were committed, or vanishes. Deterministic: what it says depends on the commands and the
/// times given, and the groups not even on their order. Not thread-safe; lookups in the store may read a disk.
class Ledger {
 public:
  Ledger(ports::FailureStore& store, LedgerLimits limits) : store_(store), limits_(limits) {}

  Result<void> recover();

  Result<FailureAnswer> stage(const FailureReport& report, std::int64_t now_ms);
  /// False for a repeat. Unknown rules are ignored.
  Result<bool> stage(const OutcomeReport& report, std::int64_t now_ms);
  Result<domain::GoldenRule> stage(const RuleChange& change, std::int64_t now_ms);
  /// Merges and splits. Stage nothing else before it in the same draft. Events that were counted stay with the kind that
  /// they are of; a merged kind's count for the other one as long as the merge stands, so that sums always add up.
  Result<void> stage(const GroupingChange& change, std::int64_t now_ms);
  /// Retires the active rules whose time is up.
  void stage_expiry(std::int64_t now_ms);
  bool has_expired(std::int64_t now_ms) const;

  /// What to commit now; ends the staging.
  ports::Changes changes();
  void committed();
  void dropped();

  const std::unordered_map<domain::Id, domain::Group, domain::IdHash>& groups() const { return groups_; }
  const std::map<domain::Id, domain::GoldenRule>& rules() const { return rules_; }
  const GroupRoutes& routes() const { return routes_; }
  /// A kind together with those that were merged into it, as committed; with zero events when it is not known.
  domain::Group group(const domain::Id& kind) const;
  /// Kinds that were not merged into another.
  std::size_t group_count() const;
  /// Attempts that ended in a scope, as committed.
  std::int64_t scope_outcomes(const std::string& stack, const std::string& role) const;
  const domain::Totals& totals() const { return totals_; }
  /// The most frequent groups first.
  std::vector<domain::Group> largest(std::size_t limit) const;

 private:
  struct Draft {
    std::unordered_map<domain::Id, domain::Group, domain::IdHash> groups;
    std::map<domain::Id, domain::GoldenRule> rules;
    std::map<std::pair<std::string, std::string>, domain::ScopeOutcomes> scopes;
    std::set<domain::Id> repeat_keys;
    std::set<std::pair<domain::Id, domain::Id>> tasks;
    std::vector<ports::JournalEntry> journal;
    std::vector<domain::KindText> kinds;
    std::vector<domain::Id> forgotten;
    std::optional<GroupRoutes> routes;  // when they changed
    std::vector<ports::GroupRoute> routes_new, routes_gone;
    domain::Totals totals;
  };

  Result<bool> is_repeat(const std::vector<domain::Id>& keys);
  Result<bool> is_new(const domain::Id& kind, const domain::Id& task);
  Result<domain::Id> kind_of_attempt(const OutcomeReport& report);
  const domain::Group* find_group(const domain::Id& kind) const;
  const GroupRoutes& staged_routes() const { return draft_.routes ? *draft_.routes : routes_; }
  domain::Group staged_group(const domain::Id& kind) const;
  Result<bool> is_new_to_all(const domain::Id& root, const domain::Id& own, const domain::Id& task);
  Result<void> count_merged(const GroupRoutes::Way& way, const domain::Id& task, const domain::Id& agent, domain::Group& own);
  Result<void> recount_merged(const domain::Id& root);
  Result<void> change_routes(const GroupingChange& change, std::int64_t now_ms);
  Result<void> merge(const GroupingChange& change, std::int64_t now_ms);
  Result<void> unmerge(const GroupingChange& change);
  Result<void> split(const GroupingChange& change, std::int64_t now_ms);
  Result<void> set_route(const ports::GroupRoute& route);
  void drop_route(const ports::GroupRoute& route);
  const domain::GoldenRule* find_rule(const domain::Id& kind) const;
  domain::GoldenRule* rule_for_change(const std::string& rule_id);
  std::int64_t staged_outcomes(const std::string& stack, const std::string& role) const;
  void set_state(domain::GoldenRule& rule, domain::RuleState state, const std::string& reason, std::int64_t now_ms);
  std::string fault_among_others(const domain::GoldenRule& rule) const;
  Result<void> count_outcome(const OutcomeReport& report, const domain::Id& kind, std::int64_t now_ms);
  domain::ScopeOutcomes& scope_for_change(const std::string& stack, const std::string& role);
  Result<void> make_rule(const domain::KindText& kind, const std::string& evidence, std::int64_t now_ms);
  void forget_least_recent();

  ports::FailureStore& store_;
  LedgerLimits limits_;
  std::unordered_map<domain::Id, domain::Group, domain::IdHash> groups_;
  std::map<domain::Id, domain::GoldenRule> rules_;
  std::map<std::pair<std::string, std::string>, domain::ScopeOutcomes> scopes_;
  GroupRoutes routes_;
  domain::Totals totals_;
  Draft draft_;
};

}  // namespace swarm::analyst::application

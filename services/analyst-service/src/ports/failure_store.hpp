#pragma once

#include <functional>
#include <string>
#include <vector>

#include "domain/failure_group.hpp"
#include "domain/golden_rule.hpp"
#include "libs/base/result.hpp"

namespace swarm::analyst::ports {

/// One row of the journal: a failure or an outcome that was counted. Kept so that a repeat is known, and as evidence.
struct JournalEntry {
  std::uint64_t sequence = 0;
  std::vector<domain::Id> repeat_keys;  // any of them seen again is a repeat
  domain::Id kind;                      // empty for an outcome
  domain::Id place;
  domain::Id task;                      // key of the distinct task; empty when it had been counted for this kind
  std::string event_id;
  std::string task_id;
  std::string agent_id;
  std::int64_t at_ms = 0;
  domain::Id agent = {};                // key of the distinct agent; empty when it had been counted for this kind
};

/// A person's word on where failures of one kind are counted. Without a pattern all of them are: a merge. With one only
/// those whose cause line it matches: a split.
struct GroupRoute {
  domain::Id from;
  domain::Id into;
  std::string pattern;  // RE2; empty: a merge
  std::string name;     // of a split, unique within its kind
  std::string by;
  std::string reason;
  std::int64_t at_ms = 0;
};

/// What one commit changes, all of it or nothing.
struct Changes {
  std::vector<JournalEntry> journal;
  std::vector<domain::KindText> kinds;
  std::vector<domain::Group> groups;
  std::vector<domain::GoldenRule> rules;
  std::vector<domain::ScopeOutcomes> scopes;
  std::vector<GroupRoute> routes;          // new ones
  std::vector<GroupRoute> routes_gone;
  std::vector<domain::Id> forgotten;       // kinds to erase
  domain::Totals totals;
  std::uint64_t journal_entries_max = 0;   // older ones go, with their repeat keys
};

struct Recovered {
  std::vector<domain::Group> groups;
  std::vector<domain::GoldenRule> rules;
  std::vector<domain::ScopeOutcomes> scopes;
  std::vector<GroupRoute> routes;
  domain::Totals totals;
};

/// Port: where failures, groups and rules live. Reads see committed state only. One thread writes; reads from any.
/// Errors of commit: ResourceExhausted (nothing was stored), Unavailable (fsync failed, the outcome is unknown).
class FailureStore {
 public:
  virtual ~FailureStore() = default;
  virtual Result<Recovered> recover() = 0;
  /// Durable (fdatasync) when it returns.
  virtual Result<void> commit(const Changes& changes) = 0;
  virtual Result<bool> is_repeat(const domain::Id& key) = 0;
  /// True when this task, or agent, was counted for the kind.
  virtual Result<bool> has_task(const domain::Id& kind, const domain::Id& task) = 0;
  /// Every task and agent that was counted for the kind and is still remembered.
  virtual Result<void> each_task(const domain::Id& kind, const std::function<void(const domain::Id& id, bool agent)>& visit) = 0;
  /// Kind of the failure that has this repeat key; empty when there is none.
  virtual Result<domain::Id> kind_of(const domain::Id& repeat_key) = 0;
  virtual Result<domain::KindText> kind_text(const domain::Id& kind) = 0;
  /// Event ids of the kind's first failures.
  virtual Result<std::vector<std::string>> evidence(const domain::Id& kind, std::size_t limit) = 0;
};

}  // namespace swarm::analyst::ports

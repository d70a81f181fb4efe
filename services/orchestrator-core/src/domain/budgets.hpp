#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "domain/ids.hpp"

namespace swarm::orchestrator {

/// What the gateway said of one window of one of its scopes: "global", "team/<tenant>" or "task/<id>".
struct BudgetNews {
  std::string scope;
  std::string window;
  bool dry = false;       // it refuses the calls of ordinary keys
  bool refilled = false;  // its limit was raised or it began again since it was last told of
  WallTime resets{};      // zero: never
};

/// The budget that keeps a task waiting.
struct DryBudget {
  std::string scope;
  WallTime resets{};  // zero: not by itself
};

/// Which budgets are known to be dry. Soft state: everything that is not known counts as not dry. Bounded: what exceeds
/// `scopes_max` is not remembered.
class BudgetBook {
 public:
  explicit BudgetBook(std::size_t scopes_max) : scopes_max_(scopes_max) {}

  /// True when a task that waited for this scope may have something to spend again.
  bool put(const BudgetNews& news);
  void clear() { dry_.clear(); }
  std::size_t size() const { return dry_.size(); }
  /// Of the task itself, its tenant's team and the global budget: the one that is dry for longest. One whose window has
  /// ended counts as refilled.
  std::optional<DryBudget> keeps(TaskId task, const std::string& tenant, WallTime now) const;

 private:
  void look(std::string_view scope, WallTime now, std::optional<DryBudget>& out) const;

  std::size_t scopes_max_;
  std::map<std::string, std::map<std::string, WallTime>, std::less<>> dry_;  // scope → window → when it resets
};

}  // namespace swarm::orchestrator

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/golden_rules.hpp"
#include "domain/task.hpp"
#include "libs/async/guarded.hpp"
#include "libs/base/result.hpp"
#include "libs/telemetry/metrics.hpp"
#include "ports/task_store.hpp"

namespace re2 {
class RE2;
}

namespace swarm::orchestrator {

/// What becomes of a result that breaks a golden rule which its attempt was given.
enum class MachineChecks {
  Off,
  Warn,    // it counts, and its task's history says so
  Return,  // the attempt failed, with the rule in its feedback
};

/// The part of a golden rule that a machine can check.
struct RuleCheck {
  std::string rule_id;
  std::shared_ptr<const re2::RE2> must_not;  // null: none
  std::shared_ptr<const re2::RE2> must;      // null: none
};
using RuleCheckList = std::vector<std::shared_ptr<const RuleCheck>>;

/// The machine checks of the rules in force, and the judgement by them. Only rules that were given count: what was held back
/// is there to be measured. Thread-safe.
class RuleChecks {
 public:
  RuleChecks(MachineChecks mode, metrics::Registry& registry);

  /// Before the engine is told of it, so that a rule that was given can be checked. A pattern that is none is left out.
  void put(const GoldenRule& rule);
  /// Those of these rules that have any. Empty when nothing is to be checked.
  RuleCheckList of(const std::vector<std::string>& rule_ids) const;

  struct Verdict {
    std::string why;
    bool returned = false;  // by MachineChecks::Return
  };
  /// Of a success with this text, and the files that its attempt has handed in, all together: none of it may hold a
  /// must_not_match, and some of it has to hold a must_match, where there is anything. Nothing: no fault, or it is not for
  /// us to say (an unknown task, another lease). Of a change in the unified format, only what it adds counts. Reads the store only while some rule has a check.
  std::optional<Verdict> judge(const TaskStore& store, TaskId task, const std::optional<LeaseToken>& token, std::string_view artifact) const;

 private:
  struct Known {
    std::map<std::string, std::shared_ptr<const RuleCheck>, std::less<>> checks;
  };
  std::shared_ptr<const re2::RE2> compile(const std::string& pattern, const std::string& rule_id) const;

  const MachineChecks mode_;
  async::Guarded<Known> known_;
  metrics::Counter& warned_;
  metrics::Counter& returned_;
};

/// "golden rule R: …", as histories and feedback say it.
std::string breach_of(const RuleCheck& check, std::string_view found);

}  // namespace swarm::orchestrator

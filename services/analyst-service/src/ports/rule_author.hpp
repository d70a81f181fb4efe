#pragma once

#include <string>

#include "domain/failure_group.hpp"
#include "libs/base/result.hpp"

namespace swarm::analyst::ports {

/// What an author suggests. The caller checks both.
struct RuleDraft {
  std::string text;
  std::string must_not_match;  // RE2 pattern that only work with this mistake holds; empty: none
};

/// Port: somebody who can put a kind of failure into one instruction, i.e. a model. May take seconds and may answer
/// nonsense. Errors: Unavailable, DeadlineExceeded, ResourceExhausted (budget), others.
class RuleAuthor {
 public:
  virtual ~RuleAuthor() = default;
  virtual Result<RuleDraft> write(const domain::KindText& kind, std::int64_t tasks) = 0;
  /// As it stands in the rule, e.g. "model:gpt-4o-mini".
  virtual std::string name() const = 0;
};

}  // namespace swarm::analyst::ports

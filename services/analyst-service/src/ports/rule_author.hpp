#pragma once

#include <string>

#include "domain/failure_group.hpp"
#include "libs/base/result.hpp"

namespace swarm::analyst::ports {

/// Port: somebody who can put a kind of failure into one instruction, i.e. a model. May take seconds and may answer
/// nonsense: the caller checks the text. Errors: Unavailable, DeadlineExceeded, ResourceExhausted (budget), others.
class RuleAuthor {
 public:
  virtual ~RuleAuthor() = default;
  virtual Result<std::string> write(const domain::KindText& kind, std::int64_t tasks) = 0;
  /// As it stands in the rule, e.g. "model:gpt-4o-mini".
  virtual std::string name() const = 0;
};

}  // namespace swarm::analyst::ports

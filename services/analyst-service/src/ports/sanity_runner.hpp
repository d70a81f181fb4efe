#pragma once

#include <string>

#include "domain/golden_rule.hpp"
#include "libs/base/result.hpp"

namespace swarm::analyst::ports {

enum class SanityVerdict { Pending, Passed, Failed };

/// Port: somebody who has a proposed rule tried on a known task. Both calls are idempotent. Errors: Unavailable,
/// DeadlineExceeded (try again), others (this rule can't be tried).
class SanityRunner {
 public:
  virtual ~SanityRunner() = default;
  /// Starts the run of this version of the rule; its id.
  virtual Result<std::string> start(const domain::GoldenRule& rule) = 0;
  virtual Result<SanityVerdict> verdict(const std::string& run) = 0;
};

}  // namespace swarm::analyst::ports

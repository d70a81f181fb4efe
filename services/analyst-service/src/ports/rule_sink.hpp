#pragma once

#include <string_view>
#include <vector>

#include "domain/golden_rule.hpp"
#include "libs/base/result.hpp"

namespace swarm::analyst::ports {

/// Port: a place outside the store that is told of the rules, in the order in which they changed. Idempotent; told again until it
/// succeeds.
class RuleSink {
 public:
  virtual ~RuleSink() = default;
  virtual Result<void> publish(const std::vector<domain::GoldenRule>& rules) = 0;
  virtual std::string_view name() const = 0;
};

}  // namespace swarm::analyst::ports

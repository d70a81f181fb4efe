#pragma once

#include <set>

#include "libs/knowledge/knowledge.hpp"
#include "ports/rule_sink.hpp"

namespace swarm::analyst::adapters {

/// Active rules as statements (stack) nist:HardConstraint "text" in the swarm's knowledge. The store only ever adds, so
/// an older text of a rule stays there. One caller at a time.
class KnowledgeSink final : public ports::RuleSink {
 public:
  explicit KnowledgeSink(knowledge::Knowledge& knowledge) : knowledge_(knowledge) {}
  Result<void> publish(const std::vector<domain::GoldenRule>& rules) override;
  std::string_view name() const override { return "knowledge"; }

 private:
  knowledge::Knowledge& knowledge_;
  std::set<knowledge::Statement> told_;
};

}  // namespace swarm::analyst::adapters

#pragma once

#include <set>

#include "libs/async/guarded.hpp"
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
  /// Whether the rule of this kind was told, or is not in force any more. Any thread.
  bool settled(const domain::Id& kind) const;

 private:
  knowledge::Knowledge& knowledge_;
  std::set<knowledge::Statement> told_;
  async::Guarded<std::set<domain::Id>> settled_;
};

}  // namespace swarm::analyst::adapters

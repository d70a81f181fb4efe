#include "adapters/knowledge/knowledge_sink.hpp"

#include "libs/knowledge/records.hpp"

namespace swarm::analyst::adapters {

Result<void> KnowledgeSink::publish(const std::vector<domain::GoldenRule>& rules) {
  std::vector<knowledge::Statement> fresh;
  std::vector<domain::Id> kinds;
  for (const auto& rule : rules) {
    if (rule.state == domain::RuleState::Proposed) continue;
    kinds.push_back(rule.kind);
    if (rule.state != domain::RuleState::Active) continue;
    for (auto& statement : knowledge::rule_statements(rule.stack, rule.role, rule.text)) {
      if (!told_.contains(statement)) fresh.push_back(std::move(statement));
    }
  }
  if (!fresh.empty()) {
    BOOST_OUTCOME_TRY(knowledge_.add(fresh));
    told_.insert(fresh.begin(), fresh.end());
  }
  settled_.with([&](auto& settled) { settled.insert(kinds.begin(), kinds.end()); });
  return outcome::success();
}

bool KnowledgeSink::settled(const domain::Id& kind) const {
  return settled_.with([&](const auto& settled) { return settled.contains(kind); });
}

}  // namespace swarm::analyst::adapters

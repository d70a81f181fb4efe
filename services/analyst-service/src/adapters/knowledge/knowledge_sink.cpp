#include "adapters/knowledge/knowledge_sink.hpp"

#include "libs/knowledge/vocabulary.hpp"

namespace swarm::analyst::adapters {

Result<void> KnowledgeSink::publish(const std::vector<domain::GoldenRule>& rules) {
  std::vector<knowledge::Statement> fresh;
  for (const auto& rule : rules) {
    if (rule.state != domain::RuleState::Active) continue;
    knowledge::Statement statement{knowledge::stack_iri(rule.stack.empty() ? rule.role : rule.stack),
                                   std::string(knowledge::kHardConstraint), rule.text, true};
    if (!told_.contains(statement)) fresh.push_back(std::move(statement));
  }
  if (fresh.empty()) return outcome::success();
  BOOST_OUTCOME_TRY(knowledge_.add(fresh));
  told_.insert(fresh.begin(), fresh.end());
  return outcome::success();
}

}  // namespace swarm::analyst::adapters

#include "domain/golden_rules.hpp"

#include <algorithm>

namespace swarm::orchestrator {

bool RuleBook::put(GoldenRule rule) {
  const auto it = rules_.find(rule.id);
  if (it != rules_.end() && it->second.version >= rule.version) return false;
  version_ = std::max(version_, rule.version);
  rules_.insert_or_assign(rule.id, std::move(rule));
  return true;
}

RuleSelection RuleBook::select(TaskId task, std::string_view stack, std::string_view role) const {
  RuleSelection out;
  if (!limits_.deliver) return out;
  std::vector<const GoldenRule*> matching;
  for (const auto& [id, rule] : rules_) {
    const bool in_scope = (rule.stack.empty() || rule.stack == stack) && (rule.role.empty() || rule.role == role);
    if (rule.active && in_scope) matching.push_back(&rule);
  }
  std::stable_sort(matching.begin(), matching.end(),
                   [](const auto* a, const auto* b) {
                     return std::pair(a->version == 0, -a->effect_ppm) < std::pair(b->version == 0, -b->effect_ppm);
                   });
  std::size_t bytes = 0;
  for (const auto* rule : matching) {
    if (out.given.size() + out.held_out.size() >= limits_.count_max) break;
    if (bytes + rule->text.size() > limits_.bytes_max) continue;
    // The analyst's rules come back from the common knowledge (version 0): where one is held out, so is its twin.
    const auto is_twin = [&](const GoldenRule* other) { return other->text == rule->text; };
    if (rule->version == 0 && (std::any_of(out.given.begin(), out.given.end(), is_twin) ||
                               std::any_of(out.held_out.begin(), out.held_out.end(), is_twin))) {
      continue;
    }
    bytes += rule->text.size();
    const auto draw = stable_hash(rule->id, mix(task.high) ^ task.low) % 10'000;
    const bool held_out = draw < static_cast<std::uint64_t>(limits_.hold_out_bp);
    (held_out ? out.held_out : out.given).push_back(rule);
  }
  return out;
}

const GoldenRule* RuleBook::find(std::string_view id) const {
  const auto it = rules_.find(id);
  return it == rules_.end() ? nullptr : &it->second;
}

std::size_t RuleBook::active() const {
  return static_cast<std::size_t>(
      std::count_if(rules_.begin(), rules_.end(), [](const auto& entry) { return entry.second.active; }));
}

}  // namespace swarm::orchestrator

#include "application/rule_board.hpp"

#include <algorithm>

namespace swarm::analyst::application {

void RuleBoard::publish(const std::vector<domain::GoldenRule>& rules) {
  std::vector<std::shared_ptr<RuleWatcher>> watchers;
  {
    std::lock_guard lock(mutex_);
    bool newer = false;
    for (const auto& rule : rules) {
      newer = newer || rule.version > version_;
      version_ = std::max(version_, rule.version);
      rules_[rule.id] = rule;
    }
    if (!newer) return;
    std::erase_if(watchers_, [](const auto& watcher) { return watcher.expired(); });
    for (const auto& watcher : watchers_)
      if (auto alive = watcher.lock()) watchers.push_back(std::move(alive));
  }
  for (const auto& watcher : watchers) watcher->changed();
}

std::vector<domain::GoldenRule> RuleBoard::list(std::string_view stack, std::string_view role, domain::RuleState state) const {
  std::vector<domain::GoldenRule> found;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, rule] : rules_)
      if (rule.state == state && in_scope(rule, stack, role)) found.push_back(rule);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    const double left = effect_share(a.effect), right = effect_share(b.effect);
    return left != right ? left > right : std::pair(a.created_ms, a.id) < std::pair(b.created_ms, b.id);
  });
  return found;
}

std::vector<domain::GoldenRule> RuleBoard::all() const { return after(0, SIZE_MAX); }

std::optional<domain::GoldenRule> RuleBoard::find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto it = rules_.find(id);
  return it == rules_.end() ? std::nullopt : std::optional(it->second);
}

std::vector<domain::GoldenRule> RuleBoard::after(std::uint64_t version, std::size_t limit) const {
  std::vector<domain::GoldenRule> found;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, rule] : rules_)
      if (rule.version > version) found.push_back(rule);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.version < b.version; });
  if (found.size() > limit) found.resize(limit);
  return found;
}

std::uint64_t RuleBoard::version() const {
  std::lock_guard lock(mutex_);
  return version_;
}

void RuleBoard::watch(const std::weak_ptr<RuleWatcher>& watcher) {
  std::lock_guard lock(mutex_);
  watchers_.push_back(watcher);
}

}  // namespace swarm::analyst::application

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "domain/golden_rule.hpp"

namespace swarm::analyst::application {

/// Somebody who wants to know that rules changed. `changed` may be called on any thread and must return at once.
class RuleWatcher {
 public:
  virtual ~RuleWatcher() = default;
  virtual void changed() = 0;
};

/// The rules as they are committed, for readers. A watcher keeps only the version that it has seen: it asks for what
/// came after, and a rule that changed twice meanwhile is told once. So a slow watcher costs no memory. Thread-safe.
class RuleBoard {
 public:
  /// Only rules that are newer than what stands here count.
  void publish(const std::vector<domain::GoldenRule>& rules);

  /// Rules in scope and state, the most effective first, then the oldest.
  std::vector<domain::GoldenRule> list(std::string_view stack, std::string_view role, domain::RuleState state) const;
  /// The last change comes last.
  std::vector<domain::GoldenRule> all() const;
  std::optional<domain::GoldenRule> find(const std::string& id) const;
  /// Changes after `version`, oldest first, at most `limit`.
  std::vector<domain::GoldenRule> after(std::uint64_t version, std::size_t limit) const;
  std::uint64_t version() const;

  /// Forgotten when the watcher dies.
  void watch(const std::weak_ptr<RuleWatcher>& watcher);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, domain::GoldenRule> rules_;
  std::uint64_t version_ = 0;
  std::vector<std::weak_ptr<RuleWatcher>> watchers_;
};

}  // namespace swarm::analyst::application

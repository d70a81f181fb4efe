#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "domain/requirements.hpp"
#include "libs/base/clock.hpp"

namespace swarm::orchestrator {

/// What is held back: an agent gets nothing new, of a role, stack or tenant nothing is given away. Stored; the numbers
/// equal the protocol's.
enum class HoldKind : std::uint8_t { Agent = 1, Role = 2, Stack = 3, Tenant = 4 };

std::string_view name(HoldKind kind);

struct Hold {
  HoldKind kind = HoldKind::Agent;
  std::string name;
  std::string reason;
  std::string by;
  WallTime since{};
};

/// Everything that is held back. A value; deterministic.
class HoldBook {
 public:
  using Key = std::pair<HoldKind, std::string>;

  void put(Hold hold);
  bool erase(HoldKind kind, const std::string& name) { return holds_.erase({kind, name}) > 0; }
  void clear() { holds_.clear(); }
  /// Null when it is not held.
  const Hold* find(HoldKind kind, const std::string& name) const;
  /// What keeps such a task from everybody; null: nothing.
  const Hold* on(const Requirements& task) const;
  const std::map<Key, Hold>& all() const { return holds_; }

 private:
  std::map<Key, Hold> holds_;
};

}  // namespace swarm::orchestrator

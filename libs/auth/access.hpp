#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace swarm::auth {

/// What a caller is. A token names exactly one.
enum class Role : std::uint8_t {
  Viewer = 1,    // reads
  Agent = 2,     // takes work and reports
  Operator = 4,  // steers tasks
  Admin = 8,     // everything
};

std::string_view name(Role role);
std::optional<Role> parse_role(std::string_view text);

/// A set of roles. Admin is in every set.
class Roles {
 public:
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ = static_cast<std::uint8_t>(bits_ | static_cast<std::uint8_t>(role));
  }
  constexpr bool contains(Role role) const { return (bits_ & static_cast<std::uint8_t>(role)) != 0; }
  /// The same roles, for an RPC whose calls are written into the audit log.
  constexpr Roles audited() const {
    Roles roles = *this;
    roles.audited_ = true;
    return roles;
  }
  constexpr bool is_audited() const { return audited_; }

 private:
  std::uint8_t bits_ = static_cast<std::uint8_t>(Role::Admin);
  bool audited_ = false;
};

/// Which roles may call which RPC, by full name: "/orchestrator.Orchestrator/PollTask". What is not in the table is
/// refused. Each service declares one table; a test compares it with the services it serves.
using AccessTable = std::map<std::string, Roles, std::less<>>;

}  // namespace swarm::auth

#include "libs/auth/access.hpp"

namespace swarm::auth {

std::string_view name(Role role) {
  switch (role) {
    case Role::Viewer: return "viewer";
    case Role::Agent: return "agent";
    case Role::Operator: return "operator";
    case Role::Admin: return "admin";
  }
  return "none";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::Viewer, Role::Agent, Role::Operator, Role::Admin}) {
    if (name(role) == text) return role;
  }
  return std::nullopt;
}

}  // namespace swarm::auth

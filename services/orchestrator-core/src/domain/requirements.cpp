#include "domain/requirements.hpp"

#include <algorithm>
#include <iterator>

namespace swarm::orchestrator {
namespace {

bool contains(const std::vector<std::string>& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

bool contains_all(const std::vector<std::string>& sorted, const std::vector<std::string>& wanted) {
  return std::includes(sorted.begin(), sorted.end(), wanted.begin(), wanted.end());
}

}  // namespace

Mismatch mismatch(const AgentProfile& agent, const Requirements& task) {
  if (!agent.tenant.empty() && agent.tenant != task.tenant) return Mismatch::Tenant;
  if (!task.role.empty() && !agent.roles.empty() && !contains(agent.roles, task.role)) return Mismatch::Role;
  if (!contains(agent.capabilities, "*")) {
    if (!task.stack.empty() && !contains(agent.capabilities, task.stack)) return Mismatch::Stack;
    if (!contains_all(agent.capabilities, task.capabilities)) return Mismatch::Capability;
  }
  if (!contains_all(agent.permissions, task.permissions)) return Mismatch::Permission;
  return Mismatch::None;
}

std::string_view name(Mismatch mismatch) {
  switch (mismatch) {
    case Mismatch::None: return "";
    case Mismatch::Role: return "role";
    case Mismatch::Stack: return "stack";
    case Mismatch::Capability: return "capability";
    case Mismatch::Permission: return "permission";
    case Mismatch::Tenant: return "tenant";
  }
  return "";
}

std::string lack(const AgentProfile& agent, const Requirements& task) {
  const auto missing = [](const std::vector<std::string>& held, const std::vector<std::string>& wanted) {
    std::vector<std::string> out;
    std::set_difference(wanted.begin(), wanted.end(), held.begin(), held.end(), std::back_inserter(out));
    std::string text;
    for (const auto& name : out) text += (text.empty() ? "" : ", ") + name;
    return text;
  };
  switch (mismatch(agent, task)) {
    case Mismatch::None: return "";
    case Mismatch::Role: return "does not play " + task.role;
    case Mismatch::Stack: return "does not offer the stack " + task.stack;
    case Mismatch::Capability: return "lacks capability " + missing(agent.capabilities, task.capabilities);
    case Mismatch::Permission: return "lacks permission " + missing(agent.permissions, task.permissions);
    case Mismatch::Tenant: return "works for tenant " + agent.tenant + " only";
  }
  return "";
}

std::vector<std::string> normalised(std::vector<std::string> names) {
  std::erase(names, std::string());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace swarm::orchestrator

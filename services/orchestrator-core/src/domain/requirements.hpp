#pragma once

#include <string>
#include <vector>

namespace swarm::orchestrator {

/// What an agent offers. Lists are sorted and free of repeats (see normalised()).
struct AgentProfile {
  std::string name;
  std::vector<std::string> capabilities;  // "*": every one
  std::vector<std::string> roles;         // empty: any
  std::vector<std::string> permissions;
  std::string tenant;                     // empty: works for every tenant
};

/// What a queued task asks of the agent that takes it. Tasks with equal requirements wait in one queue.
struct Requirements {
  std::string role;   // empty: any
  std::string stack;  // empty: any
  std::string tenant;
  std::vector<std::string> capabilities;
  std::vector<std::string> permissions;

  friend auto operator<=>(const Requirements&, const Requirements&) = default;
};

/// The first thing that keeps an agent from a task.
enum class Mismatch { None, Role, Stack, Capability, Permission, Tenant };

Mismatch mismatch(const AgentProfile& agent, const Requirements& task);
std::string_view name(Mismatch mismatch);
/// What exactly is lacking, for people.
std::string lack(const AgentProfile& agent, const Requirements& task);

/// Sorted, without repeats and empty names.
std::vector<std::string> normalised(std::vector<std::string> names);

}  // namespace swarm::orchestrator

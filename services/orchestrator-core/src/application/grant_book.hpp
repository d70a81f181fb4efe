#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "domain/guardrails.hpp"
#include "libs/async/guarded.hpp"

namespace swarm::orchestrator {

/// What agents are permitted: configured grants and what the swarm knows in common of an agent or its roles. An agent
/// can only name fewer. Where neither is set up, what it claims counts. Thread-safe; bounded.
class GrantBook {
 public:
  GrantBook(const Guardrails& rails, bool from_knowledge) : rails_(rails), from_knowledge_(from_knowledge) {}

  bool from_knowledge() const { return from_knowledge_; }
  /// What counts of an agent's claims now; remembers whom to ask the common knowledge about.
  std::vector<std::string> effective(const AgentProfile& claimed) const {
    if (!rails_.grants_configured() && !from_knowledge_) return claimed.permissions;
    return state_.with([&](State& state) {
      if (from_knowledge_ && (state.agents.size() < kAgentsMax || state.agents.contains(claimed.name))) {
        state.agents.insert_or_assign(claimed.name, claimed);
      }
      return allowed(claimed, state);
    });
  }
  /// Agents and roles that the common knowledge is asked about.
  std::vector<std::string> subjects() const {
    return state_.with([](const State& state) {
      std::vector<std::string> out;
      for (const auto& [name, agent] : state.agents) {
        out.push_back(name);
        out.insert(out.end(), agent.roles.begin(), agent.roles.end());
      }
      return normalised(std::move(out));
    });
  }
  /// Takes what is known of a subject. Returns the agents that are permitted something else from now on.
  std::vector<AgentProfile> put(const std::string& subject, std::vector<std::string> permissions) {
    return state_.with([&](State& state) {
      std::vector<AgentProfile> out;
      permissions = normalised(std::move(permissions));
      auto& known = state.known[subject];
      if (known == permissions) return out;
      known = std::move(permissions);
      for (const auto& [name, agent] : state.agents) {
        if (name != subject && !std::binary_search(agent.roles.begin(), agent.roles.end(), subject)) continue;
        out.push_back(agent);
        out.back().permissions = allowed(agent, state);
      }
      return out;
    });
  }

 private:
  static constexpr std::size_t kAgentsMax = 20'000;
  struct State {
    std::map<std::string, AgentProfile> agents;                // as they joined
    std::map<std::string, std::vector<std::string>> known;     // of agents and roles
  };

  std::vector<std::string> allowed(const AgentProfile& claimed, const State& state) const {
    std::vector<std::string> granted = rails_.granted(claimed.name);
    const auto add = [&](const std::string& subject) {
      const auto it = state.known.find(subject);
      if (it != state.known.end()) granted.insert(granted.end(), it->second.begin(), it->second.end());
    };
    add(claimed.name);
    for (const auto& role : claimed.roles) add(role);
    granted = normalised(std::move(granted));
    if (claimed.permissions.empty()) return granted;
    std::vector<std::string> out;
    std::set_intersection(granted.begin(), granted.end(), claimed.permissions.begin(), claimed.permissions.end(),
                          std::back_inserter(out));
    return out;
  }

  const Guardrails& rails_;
  const bool from_knowledge_;
  mutable async::Guarded<State> state_;
};

}  // namespace swarm::orchestrator

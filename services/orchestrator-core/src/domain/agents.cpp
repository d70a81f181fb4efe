#include "domain/agents.hpp"

namespace swarm::orchestrator {

Agent* Agents::join(AgentProfile profile, BootTime now) {
  auto it = agents_.find(profile.name);
  if (it == agents_.end()) {
    if (agents_.size() >= agents_max_) return nullptr;
    it = agents_.try_emplace(profile.name).first;
    it->second.number = ++last_number_;
  } else {
    stop_waiting(it->second);
    leave_group(it->second);
  }
  Agent& agent = it->second;
  agent.profile = std::move(profile);
  agent.last_seen = now;
  enter_group(agent);
  settle(agent);
  return &agent;
}

Agent* Agents::find(std::string_view name) {
  const auto it = agents_.find(name);
  return it == agents_.end() ? nullptr : &it->second;
}

Agent* Agents::by_call(CallId poll_or_link) {
  const auto it = calls_.find(poll_or_link);
  return it == calls_.end() ? nullptr : it->second;
}

void Agents::park_poll(Agent& agent, CallId call, BootTime until) {
  agent.poll = call;
  agent.poll_until = until;
  calls_[call] = &agent;
  poll_ends_[{until, agent.number}] = &agent;
  settle(agent);
}

CallId Agents::unpark(Agent& agent) {
  const CallId call = agent.poll;
  if (call == 0) return 0;
  calls_.erase(call);
  poll_ends_.erase({agent.poll_until, agent.number});
  agent.poll = 0;
  settle(agent);
  return call;
}

void Agents::open_link(Agent& agent, CallId link) {
  close_link(agent);
  agent.link = link;
  calls_[link] = &agent;
}

void Agents::close_link(Agent& agent) {
  if (agent.link == 0) return;
  calls_.erase(agent.link);
  agent.link = 0;
  agent.credit = 0;
  settle(agent);
}

void Agents::settle(Agent& agent) {
  const bool wants = !agent.drained && (agent.poll != 0 || (agent.link != 0 && agent.credit > 0));
  if (!wants) {
    stop_waiting(agent);
  } else if (agent.ticket == 0) {
    agent.ticket = ++last_ticket_;
    agent.group->waiting.emplace(agent.ticket, &agent);
    ++waiting_;
  }
}

void Agents::rotate(Agent& agent) {
  stop_waiting(agent);
  settle(agent);
}

void Agents::stop_waiting(Agent& agent) {
  if (agent.ticket == 0) return;
  agent.group->waiting.erase(agent.ticket);
  agent.ticket = 0;
  --waiting_;
}

Agent* Agents::longest_waiting(const Requirements& task) {
  Agent* best = nullptr;
  for (auto& [key, group] : groups_) {
    if (group.waiting.empty()) continue;
    Agent* first = group.waiting.begin()->second;
    if (best != nullptr && best->ticket < first->ticket) continue;
    if (mismatch(first->profile, task) == Mismatch::None) best = first;
  }
  return best;
}

std::vector<Agent*> Agents::waiting_in_order() {
  std::map<std::uint64_t, Agent*> ordered;
  for (auto& [key, group] : groups_) ordered.insert(group.waiting.begin(), group.waiting.end());
  std::vector<Agent*> out;
  for (auto& [ticket, agent] : ordered) out.push_back(agent);
  return out;
}

std::optional<BootTime> Agents::next_poll_end() const {
  if (poll_ends_.empty()) return std::nullopt;
  return poll_ends_.begin()->first.first;
}

Agent* Agents::poll_due(BootTime now) {
  if (poll_ends_.empty() || poll_ends_.begin()->first.first > now) return nullptr;
  return poll_ends_.begin()->second;
}

void Agents::forget_silent(BootTime before) {
  for (auto it = agents_.begin(); it != agents_.end();) {
    Agent& agent = it->second;
    const bool idle = agent.poll == 0 && agent.link == 0 && agent.held.empty();
    if (idle && agent.last_seen < before) {
      leave_group(agent);
      it = agents_.erase(it);
    } else {
      ++it;
    }
  }
}

void Agents::enter_group(Agent& agent) {
  const auto& p = agent.profile;
  agent.group = &groups_[GroupKey(p.tenant, p.capabilities, p.roles, p.permissions)];
  ++agent.group->members;
}

void Agents::leave_group(Agent& agent) {
  const auto& p = agent.profile;
  if (--agent.group->members == 0) groups_.erase(GroupKey(p.tenant, p.capabilities, p.roles, p.permissions));
  agent.group = nullptr;
}

}  // namespace swarm::orchestrator

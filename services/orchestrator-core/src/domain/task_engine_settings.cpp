#include "domain/task_engine.hpp"

// What people set, and what the surroundings say: holds, the kill switch, rules, permissions, budgets.
namespace swarm::orchestrator {

void TaskEngine::on(SetHold&& c) {
  const Hold* known = holds_.find(c.hold.kind, c.hold.name);
  if (c.held && known == nullptr && holds_.all().size() >= limits_.holds_max) {
    return answer(c.call, Error{Code::ResourceExhausted, "there are " + std::to_string(holds_.all().size()) + " holds, no more are taken"});
  }
  const bool changes = c.held ? known == nullptr || known->reason != c.hold.reason : known != nullptr;
  if (changes) {
    c.hold.since = now_.wall;
    if (c.held) holds_.put(c.hold);
    else holds_.erase(c.hold.kind, c.hold.name);
    out_->changes.holds.push_back({c.hold, c.held});
  }
  answer(c.call, HoldsListed{{c.hold}});
  if (!changes) return;
  if (c.hold.kind == HoldKind::Agent) {
    if (Agent* agent = agents_.find(c.hold.name)) drain(*agent, c.held);
  } else if (!c.held) {
    match_all();
  }
}

void TaskEngine::on(ListHolds&& c) {
  HoldsListed out;
  for (const auto& [key, hold] : holds_.all()) out.holds.push_back(hold);
  answer(c.call, std::move(out));
}

/// The agent is told at once: by the answer to its poll, or over its stream.
void TaskEngine::drain(Agent& agent, bool drained) {
  agent.drained = drained;
  if (drained) {
    answer(agents_.unpark(agent), NothingToDo{true});
    if (agent.link != 0) answer(agent.link, HeartbeatAnswered{{}, {}, true});
  }
  agents_.settle(agent);
  if (agent.ticket != 0) offer_agent(agent);
}

void TaskEngine::on(SetDispatch&& c) {
  const bool changed = dispatch_.halted != c.state.halted;
  const bool resumed = changed && !c.state.halted;
  if (changed || dispatch_.reason != c.state.reason) {
    dispatch_ = std::move(c.state);
    dispatch_.since = now_.wall;
    out_->changes.dispatch = dispatch_;
  }
  answer(c.call, DispatchAnswered{dispatch_});
  if (resumed) match_all();
}

void TaskEngine::on(PutRules&& c) {
  for (auto& rule : c.rules) {
    if (rules_.put(rule)) out_->changes.rules.push_back(std::move(rule));
  }
}

void TaskEngine::on(PutPermissions&& c) {
  Agent* agent = agents_.find(c.agent);
  if (agent == nullptr || agent->profile.permissions == c.permissions) return;
  AgentProfile profile = agent->profile;
  profile.permissions = std::move(c.permissions);
  const BootTime seen = agent->last_seen;
  agent = join(std::move(profile));
  agent->last_seen = seen;  // the agent itself has given no sign
  if (agent->ticket != 0) offer_agent(*agent);
}

/// Queued tasks stand in the queue of what they require, so those for which it changes change queues, in their places.
void TaskEngine::on(PutRequired&& c) {
  if (c.required == required_) return;
  required_ = std::move(c.required);
  std::vector<std::pair<Requirements, TaskEntry*>> moving;
  for (const auto& [needs, queue] : ready_.all()) {
    for (const auto& [position, task] : queue) {
      if (requirements(*task) != needs) moving.emplace_back(needs, task);
    }
  }
  for (const auto& [needs, task] : moving) {
    ready_.erase(needs, task->position);
    ready_.push(requirements(*task), task->position, task);
  }
  match_all();
}

void TaskEngine::on(PutBudgets&& c) {
  bool relief = c.snapshot && budgets_.size() > 0;
  if (c.snapshot) budgets_.clear();
  for (const auto& news : c.news) relief = budgets_.put(news) || relief;
  if (!relief) return;
  for (auto& [number, task] : parked_) {
    if (budgets_.keeps(task->spec->id, task->spec->tenant, now_.wall)) continue;
    task->wake = now_.boot;
    arm(*task);
  }
}

void TaskEngine::on(OutcomesDelivered&& c) {
  if (c.up_to < first_outcome_) return;
  first_outcome_ = std::min(c.up_to, last_outcome_) + 1;
  out_->changes.outcomes_erased_to = first_outcome_ - 1;
}

void TaskEngine::restore_hold(Hold hold) {
  if (hold.kind == HoldKind::Agent) {
    if (Agent* agent = agents_.find(hold.name)) {
      agent->drained = true;
      agents_.settle(*agent);
    }
  }
  holds_.put(std::move(hold));
}

void TaskEngine::forget_settings() {
  for (const auto& [key, hold] : holds_.all()) {
    Agent* agent = key.first == HoldKind::Agent ? agents_.find(key.second) : nullptr;
    if (agent == nullptr) continue;
    agent->drained = false;
    agents_.settle(*agent);
  }
  holds_.clear();
  schedules_.clear();
  schedules_at_ = {};
  dirty_schedules_.clear();
}

}  // namespace swarm::orchestrator

#include <algorithm>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {
namespace {

constexpr int kParkedAtOnce = 256;

}  // namespace

/// A task has just been queued: who has waited longest gets it.
void TaskEngine::offer(TaskEntry& task) {
  if (dispatch_.halted || draining_) return;
  Agent* agent = agents_.longest_waiting(requirements(task));
  if (agent != nullptr && !must_wait(task)) assign(task, *agent);
}

/// An agent has just begun to wait, or has room for more.
void TaskEngine::offer_agent(Agent& agent) {
  if (dispatch_.halted || draining_) return;
  int parked = 0;
  while (agent.ticket != 0) {
    TaskEntry* task = ready_.best_for(agent.profile, loads_);
    if (task == nullptr) return;
    if (!must_wait(*task)) {
      assign(*task, agent);
    } else if (++parked == kParkedAtOnce) {
      matching_ = true;  // others have their turn first
      return;
    }
  }
}

void TaskEngine::rematch(Now now, Random& random, Batch& out) {
  now_ = now;
  random_ = &random;
  out_ = &out;
  match_all();
  fill_freed_keys();
}

void TaskEngine::match_all() {
  for (Agent* agent : agents_.waiting_in_order()) {
    if (matching_) return;
    offer_agent(*agent);
  }
}

/// The last look before a task goes out. Nothing is waited for: what the gateway said last is known here.
bool TaskEngine::park_if_dry(TaskEntry& task) {
  const auto dry = budgets_.keeps(task.spec->id, task.spec->tenant, now_.wall);
  if (!dry) return false;
  task.wake = next_look(*dry);
  edit(task).not_before = now_.wall + (task.wake - now_.boot);
  move(task, TaskStatus::Blocked, "engine", "the budget " + dry->scope + " is used up", Blocked::Budget);
  return true;
}

/// At the reset, and now and then before: the wall clock may have been set forward.
BootTime TaskEngine::next_look(const DryBudget& dry) const {
  std::chrono::nanoseconds wait = limits_.retry.budget_park;
  if (dry.resets != WallTime{}) wait = std::min<std::chrono::nanoseconds>(wait, dry.resets - now_.wall);
  return now_.boot + std::max<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(1));
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

void TaskEngine::assign(TaskEntry& task, Agent& agent) {
  CallId call = agent.link;
  const bool by_poll = agent.poll != 0;
  if (by_poll) {
    call = agents_.unpark(agent);
  } else {
    --agent.credit;
    agents_.rotate(agent);
  }
  leave(task);
  TaskState& state = edit(task);
  state.attempt = state.attempts_counted + 1;
  ++state.leases_granted;
  state.lease.agent = agent.profile.name;
  const std::uint64_t high = random_->next();
  state.lease.token = {high, random_->next()};
  state.lease.rules_given.clear();
  state.lease.rules_held_out.clear();
  const auto rules = rules_.select(task.spec->id, task.spec->stack, state.role);
  for (const auto* rule : rules.given) state.lease.rules_given.push_back(rule->id);
  for (const auto* rule : rules.held_out) state.lease.rules_held_out.push_back(rule->id);
  task.started = false;
  task.link = by_poll ? 0 : call;
  task.progress.clear();
  move(task, TaskStatus::Leased, agent.profile.name, "");
  deliver(task, call, false);
}

void TaskEngine::deliver(TaskEntry& task, CallId call, bool repeated) {
  Assigned out;
  out.task = {task.spec, task.state};
  task.published = true;
  out.token = task.state->lease.token;
  out.attempt = task.state->attempt;
  out.repeated = repeated;
  for (const auto& id : task.state->lease.rules_given) {
    const GoldenRule* rule = rules_.find(id);
    if (rule == nullptr) continue;
    out.rule_ids.push_back(id);
    out.constraints.push_back(rule->text);
  }
  answer(call, std::move(out));
}

/// Ends a lease that its agent never began; the attempt does not count and the task keeps its place.
void TaskEngine::take_back(TaskEntry& task, const std::string& why) {
  const std::uint32_t lease = task.state->leases_granted;
  enqueue(task, "engine", why + " by " + task.state->lease.agent, true);
  task.taken_back = task.state->status == TaskStatus::Queued && task.state->leases_granted == lease;
}

void TaskEngine::on(Undeliver&& c) {
  TaskEntry* task = lookup(c.task);
  if (task == nullptr || !has_lease(task->state->status) || task->started) return;
  if (task->state->lease.token != c.token) return;
  take_back(*task, "not handed out");
  task->taken_back = false;
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

void TaskEngine::on(OutcomesDelivered&& c) {
  if (c.up_to < first_outcome_) return;
  first_outcome_ = std::min(c.up_to, last_outcome_) + 1;
  out_->changes.outcomes_erased_to = first_outcome_ - 1;
}

}  // namespace swarm::orchestrator

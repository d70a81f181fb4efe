#include <algorithm>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {
namespace {

constexpr int kParkedAtOnce = 256;

}  // namespace

/// A task has just been queued: who has waited longest gets it.
void TaskEngine::offer(TaskEntry& task) {
  if (dispatch_.halted || draining_) return;
  const Requirements needs = requirements(task);
  if (holds_.on(needs) != nullptr) return;
  Agent* agent = agents_.longest_waiting(needs);
  if (agent != nullptr && !must_wait(task)) assign(task, *agent);
}

/// An agent has just begun to wait, or has room for more.
void TaskEngine::offer_agent(Agent& agent) {
  if (dispatch_.halted || draining_) return;
  int parked = 0;
  while (agent.ticket != 0) {
    TaskEntry* task = ready_.best_for(agent.profile, loads_, holds_);
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
  if (cancel_as_wished(task, "engine")) return;
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

}  // namespace swarm::orchestrator

#include <algorithm>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kAgentsShown = 50;
constexpr std::size_t kCountedMax = 10'000;

std::string seconds_text(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) + " ms";
}

}  // namespace

void TaskEngine::on(ExplainTask&& c) {
  const TaskEntry* task = find(c.task);
  if (task == nullptr) return answer(c.call, Error{Code::NotFound, "no task id=" + text(c.task)});
  answer(c.call, explained(*task));
}

std::string TaskEngine::explain(const TaskEntry& task) const { return explained(task).summary; }

/// Everything is named that stands in the way, not only the first; the summary says the one that decides.
TaskExplained TaskEngine::explained(const TaskEntry& task) const {
  TaskExplained out;
  out.task = {task.spec, std::make_shared<TaskState>(*task.state)};
  const auto& state = *task.state;
  if (is_final(state.status)) {
    out.obstacles.push_back({"finished", "it is " + std::string(name(state.status)) + (state.reason.empty() ? "" : ": " + state.reason)});
  } else if (has_lease(state.status)) {
    out.obstacles.push_back({"leased", state.lease.agent + " has it, attempt " + std::to_string(state.attempt), 0,
                             std::max<std::chrono::nanoseconds>(task.lease_expires - now_.boot, std::chrono::nanoseconds(0))});
  } else {
    explain_block(task, out);
    explain_queue(task, out);
    explain_agents(task, out);
  }
  if (!out.obstacles.empty()) out.summary = out.obstacles.front().detail;
  return out;
}

void TaskEngine::explain_block(const TaskEntry& task, TaskExplained& out) const {
  const auto& state = *task.state;
  const auto left = task.wake == BootTime{} ? std::chrono::nanoseconds(0)
                                            : std::max<std::chrono::nanoseconds>(task.wake - now_.boot, std::chrono::nanoseconds(1));
  if (state.status == TaskStatus::Failed) {
    out.obstacles.push_back({"retry", "it is tried again in " + seconds_text(left) + "; " + state.reason, 0, left});
  }
  if (state.status != TaskStatus::Blocked) return;
  switch (state.blocked) {
    case Blocked::Dependency:
      for (const TaskId id : task.spec->depends_on) {
        const TaskEntry* dependency = find(id);
        if (dependency == nullptr || is_final(dependency->state->status)) continue;
        out.obstacles.push_back({"dependency", "task " + text(id) + " is " + std::string(name(dependency->state->status))});
      }
      break;
    case Blocked::Approval:
      out.obstacles.push_back({"approval", task.spec->requires_approval && !state.approved ? "it waits to be approved before it begins"
                                                                                         : state.workflow_state + " waits to be approved"});
      break;
    case Blocked::Budget: {
      const auto dry = budgets_.keeps(task.spec->id, task.spec->tenant, now_.wall);
      const auto resets = dry && dry->resets != WallTime{} ? std::chrono::nanoseconds(dry->resets - now_.wall) : left;
      out.obstacles.push_back({"budget", dry ? "the budget " + dry->scope + " is used up" : state.reason, 0, resets});
      break;
    }
    case Blocked::Concurrency:
      out.obstacles.push_back({"concurrency", state.reason});
      break;
    case Blocked::Halt:
    case Blocked::Delay:
    case Blocked::Permission:
    case Blocked::No:
      out.obstacles.push_back({"delay", "it waits another " + seconds_text(left) + (state.reason.empty() ? "" : "; " + state.reason), 0, left});
      break;
  }
}

void TaskEngine::explain_queue(const TaskEntry& task, TaskExplained& out) const {
  if (dispatch_.halted) out.obstacles.push_back({"halt", "dispatch is halted: " + dispatch_.reason});
  if (draining_) out.obstacles.push_back({"drain", "the orchestrator is shutting down"});
  if (const Hold* hold = holds_.on(requirements(task))) {
    out.obstacles.push_back({"paused", "work of the " + std::string(name(hold->kind)) + " '" + hold->name + "' is paused: " + hold->reason});
  }
  if (task.state->status != TaskStatus::Queued) return;
  out.tasks_ahead = ready_.ahead(requirements(task), task.position, kCountedMax);
  if (const auto dry = budgets_.keeps(task.spec->id, task.spec->tenant, now_.wall)) {
    out.obstacles.push_back({"budget", "the budget " + dry->scope + " is used up"});
  }
}

void TaskEngine::explain_agents(const TaskEntry& task, TaskExplained& out) const {
  const Requirements needs = requirements(task);
  std::map<Mismatch, std::size_t> counts;
  std::vector<AgentVerdict> unfit;
  std::size_t waiting = 0;
  for (const auto& [agent_name, agent] : agents_.all()) {
    const Mismatch what = mismatch(agent.profile, needs);
    ++counts[what];
    if (what == Mismatch::None && agent.ticket != 0) ++waiting;
    auto& list = what == Mismatch::None ? out.agents : unfit;
    if (list.size() >= kAgentsShown) continue;
    const bool drained = what == Mismatch::None && agent.drained;
    list.push_back({agent_name, drained ? "drained" : std::string(name(what)), drained ? "it is to take nothing new" : lack(agent.profile, needs),
                    agent.ticket != 0, agent.held.size()});
  }
  out.agents_total = agents_.all().size();
  const std::size_t room = kAgentsShown - out.agents.size();
  std::move(unfit.begin(), unfit.begin() + static_cast<std::ptrdiff_t>(std::min(room, unfit.size())), std::back_inserter(out.agents));
  if (counts.empty()) return out.obstacles.push_back({"no_agent", "no agent is registered"});
  if (counts.contains(Mismatch::None)) {
    const std::size_t able = counts[Mismatch::None];
    if (waiting > 0 || task.state->status != TaskStatus::Queued) return;
    out.obstacles.push_back({"busy", std::to_string(able) + " agents could take it, none of them asks for work now", able});
    return;
  }
  std::string all = "no registered agent can take it:";
  for (const auto& [what, count] : counts) {
    all += " " + std::to_string(count) + " lack its " + std::string(name(what));
    if (what == Mismatch::Role) all += " '" + needs.role + "'";
    if (what == Mismatch::Stack) all += " '" + needs.stack + "' among their capabilities";
    all += ",";
  }
  all.pop_back();
  for (const auto& [what, count] : counts) out.obstacles.push_back({std::string(name(what)), all, count});
}

}  // namespace swarm::orchestrator

#include <algorithm>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::chrono::seconds kDrainedPoll{1};

Error draining_error() { return {Code::Unavailable, "the orchestrator is shutting down, try again"}; }

}  // namespace

void TaskEngine::on(RegisterAgent&& c) {
  const std::string name = c.agent.name;
  Agent* agent = join(std::move(c.agent));
  if (agent == nullptr) {
    return answer(c.call, Error{Code::ResourceExhausted, "too many agents are registered"});
  }
  answer(c.call, Registered{name});
  if (agent->ticket != 0) offer_agent(*agent);
}

void TaskEngine::on(PollTask&& c) {
  if (draining_) return answer(c.call, draining_error());
  Agent* agent = agents_.find(c.agent);
  if (agent == nullptr) {
    return answer(c.call, Error{Code::FailedPrecondition,
                                "agent '" + c.agent + "' is not registered here, call RegisterAgent first"});
  }
  agent->last_seen = now_.boot;
  // One poll per agent: a newer one means that the older one's reply will not be read.
  answer(agents_.unpark(*agent), NothingToDo{});
  for (auto& [number, task] : agent->held) {
    if (task->started || task->link != 0) continue;
    if (dispatch_.halted) break;
    task->start_by = now_.boot + limits_.start_within;
    task->lease_expires = now_.boot + lease_of(*task);
    arm(*task);
    return deliver(*task, c.call, true);
  }
  // Whoever does not understand that must not ask in a tight loop.
  agents_.park_poll(*agent, c.call, agent->drained ? std::min(c.until, now_.boot + kDrainedPoll) : c.until);
  offer_agent(*agent);
}

void TaskEngine::on(AbandonPoll&& c) {
  if (Agent* agent = agents_.by_call(c.call)) agents_.unpark(*agent);
}

void TaskEngine::on(JoinStream&& c) {
  const std::string name = c.agent.name;
  if (draining_) return answer(c.link, draining_error());
  Agent* agent = join(std::move(c.agent));
  if (agent == nullptr) {
    return answer(c.link, Error{Code::ResourceExhausted, "too many agents are registered"});
  }
  if (agent->link != 0) {
    answer(agent->link, Error{Code::Aborted, "agent '" + name + "' opened another stream"});
  }
  agents_.open_link(*agent, c.link);
  answer(c.link, Registered{name});
  if (agent->ticket != 0) offer_agent(*agent);
}

void TaskEngine::on(GrantCredit&& c) {
  Agent* agent = agents_.by_call(c.link);
  if (agent == nullptr || c.credit <= 0) return;
  agent->last_seen = now_.boot;
  agent->credit = std::min(agent->credit + c.credit, 100'000);
  agents_.settle(*agent);
  if (agent->ticket != 0) offer_agent(*agent);
}

void TaskEngine::on(LeaveStream&& c) {
  if (Agent* agent = agents_.by_call(c.link); agent != nullptr && agent->link == c.link) agents_.close_link(*agent);
}

void TaskEngine::on(Heartbeat&& c) {
  HeartbeatAnswered out;
  if (Agent* agent = agents_.find(c.agent)) {
    agent->last_seen = now_.boot;
    out.drain = agent->drained;  // not at a shutdown: the agent stays, and finds the next server
  }
  for (auto& sign : c.leases) {
    TaskEntry* task = lookup(sign.task);
    const bool known = task != nullptr && task->state->lease.token == sign.token;
    if (known && task->taken_back) revive(*task);
    if (known && has_lease(task->state->status)) {
      task->progress = std::move(sign.progress);
      show_life(*task);
      if (task->state->cancel) out.cancelled.push_back(sign.task);
    } else if (known && task->state->status == TaskStatus::Cancelled) {
      out.cancelled.push_back(sign.task);
    } else {
      out.lost.push_back(sign.task);
    }
  }
  answer(c.call, std::move(out));
}

/// A sign of the holder: its lease begins anew.
void TaskEngine::show_life(TaskEntry& task) {
  task.lease_expires = now_.boot + lease_of(task);
  task.started = true;
  if (task.state->status == TaskStatus::Leased) move(task, TaskStatus::Running, task.state->lease.agent, "");
}

void TaskEngine::on(ListAgents&& c) {
  AgentsListed out;
  for (const auto& [name, agent] : agents_.all()) {
    AgentView view{agent.profile, {}, now_.boot - agent.last_seen, agent.ticket != 0, agent.drained};
    for (const auto& [number, task] : agent.held) view.held.push_back(task->spec->id);
    out.agents.push_back(std::move(view));
  }
  answer(c.call, std::move(out));
}

void TaskEngine::on(InspectTask&& c) {
  TaskInspected out;
  const TaskEntry* task = find(c.task);
  if (task != nullptr && has_lease(task->state->status)) {
    out = {true, task->lease_expires - now_.boot, task->progress, ""};
  } else if (task != nullptr && task->state->status == TaskStatus::Queued) {
    out.waits_for = explain(*task);
  }
  answer(c.call, std::move(out));
}

void TaskEngine::on(BeginDrain&&) {
  draining_ = true;
  for (Agent* agent : agents_.waiting_in_order()) {
    answer(agents_.unpark(*agent), draining_error());
    agent->credit = 0;
    agents_.settle(*agent);
  }
  for (auto& [name, agent] : agents_.all()) end_idle_link(agent);
}

/// While draining: a stream whose agent holds nothing has nothing to wait for.
void TaskEngine::end_idle_link(Agent& agent) {
  if (draining_ && agent.link != 0 && agent.held.empty()) answer(agent.link, draining_error());
}

}  // namespace swarm::orchestrator

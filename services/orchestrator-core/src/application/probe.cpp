#include "application/probe.hpp"

#include <cmath>

namespace swarm::orchestrator {
namespace {

/// From 1 µs to 10 s in steps of a quarter, fine enough to read percentiles from.
std::vector<double> fine_buckets() {
  std::vector<double> out;
  for (double bound = 1e-6; bound < 10; bound *= 1.25) out.push_back(bound);
  return out;
}

std::vector<double> size_buckets() { return {0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096}; }

}  // namespace

Probe::Probe(metrics::Registry& r)
    : apply_seconds_(r.histogram("swarm_orchestrator_apply_seconds", "From a command's arrival in the queue until the engine had applied it",
                                 fine_buckets())),
      commit_seconds_(r.histogram("swarm_orchestrator_commit_seconds", "Duration of one durable commit", fine_buckets())),
      commit_tasks_(r.histogram("swarm_orchestrator_commit_tasks", "Task records written by one commit", size_buckets())),
      commit_failures_(r.counter("swarm_orchestrator_commit_failures_total", "Commits that the store refused")),
      rejected_(r.counter("swarm_orchestrator_commands_rejected_total", "Commands refused because the queue was full")),
      events_missed_(r.counter("swarm_orchestrator_bus_events_missed_total",
                               "Events that the metrics did not see because the bus was faster")),
      created_(r.counter("swarm_orchestrator_tasks_submitted_total", "Tasks submitted")),
      active_(r.gauge("swarm_orchestrator_tasks_active", "Tasks that are not finished")),
      queued_(r.gauge("swarm_orchestrator_queue_size", "Tasks that wait for an agent")),
      agents_(r.gauge("swarm_orchestrator_active_agents", "Agents that are registered")),
      waiting_(r.gauge("swarm_orchestrator_agents_waiting", "Agents that wait for work")),
      outcomes_waiting_(r.gauge("swarm_orchestrator_outcomes_waiting", "Outcomes that the analyst has not got yet")),
      outcomes_dropped_(r.gauge("swarm_orchestrator_outcomes_dropped", "Outcomes lost to a full outbox")),
      rules_active_(r.gauge("swarm_orchestrator_golden_rules_active", "Golden rules in force")),
      rules_version_(r.gauge("swarm_orchestrator_golden_rules_version", "Newest version seen from the analyst")),
      halted_(r.gauge("swarm_orchestrator_dispatch_halted", "1 while the kill switch holds back assignments")),
      analyst_connected_(r.gauge("swarm_orchestrator_analyst_connected", "1 while the analyst's rules are followed")),
      gateway_connected_(r.gauge("swarm_orchestrator_gateway_connected", "1 while the gateway's budgets are followed")),
      budgets_dry_(r.gauge("swarm_orchestrator_budgets_dry", "Budget scopes known to be used up")),
      parked_(r.gauge("swarm_orchestrator_tasks_parked", "Tasks that wait for budget")) {
  for (const TaskStatus status : kAllStatuses) {
    moves_[static_cast<std::size_t>(status)] =
        &r.counter("swarm_orchestrator_task_transitions_total", "Tasks that came into a status",
                   {{"status", std::string(name(status))}});
  }
}

void Probe::committed(std::size_t tasks, std::chrono::nanoseconds took) {
  commit_seconds_.observe(seconds(took));
  commit_tasks_.observe(static_cast<double>(tasks));
}

void Probe::changed(const TaskChanged& change) {
  if (change.created) created_.add();
  moves_[static_cast<std::size_t>(change.task.state->status)]->add();
}

void Probe::sizes(std::size_t active, std::size_t queued, std::size_t agents, std::size_t waiting) {
  active_.set(static_cast<double>(active));
  queued_.set(static_cast<double>(queued));
  agents_.set(static_cast<double>(agents));
  waiting_.set(static_cast<double>(waiting));
}

void Probe::budgets(std::size_t dry, std::size_t parked) {
  budgets_dry_.set(static_cast<double>(dry));
  parked_.set(static_cast<double>(parked));
}

void Probe::outcomes(std::uint64_t waiting, std::uint64_t dropped) {
  outcomes_waiting_.set(static_cast<double>(waiting));
  outcomes_dropped_.set(static_cast<double>(dropped));
}

void Probe::rules(std::size_t active, std::uint64_t version) {
  rules_active_.set(static_cast<double>(active));
  rules_version_.set(static_cast<double>(version));
}

}  // namespace swarm::orchestrator

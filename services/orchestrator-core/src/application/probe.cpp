#include "application/probe.hpp"

#include <algorithm>
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
      leases_expired_(r.counter("swarm_orchestrator_leases_expired_total", "Leases that ended without a result", {{"cause", "silent"}})),
      leases_not_started_(r.counter("swarm_orchestrator_leases_expired_total", "Leases that ended without a result", {{"cause", "not_started"}})),
      attempts_overdue_(r.counter("swarm_orchestrator_leases_expired_total", "Leases that ended without a result", {{"cause", "start_to_close"}})),
      queue_overdue_(r.counter("swarm_orchestrator_schedule_to_start_expired_total", "Tasks that nobody took in time")),
      results_refused_(r.counter("swarm_orchestrator_results_refused_total", "Results refused: of a lease that is gone, unknown, or different from the first")),
      tasks_deleted_(r.counter("swarm_orchestrator_tasks_deleted_total", "Finished tasks that were deleted, by retention or by hand")),
      schedules_fired_(r.counter("swarm_orchestrator_schedules_fired_total", "Tasks that schedules made")),
      firings_missed_(r.counter("swarm_orchestrator_schedule_firings_missed_total", "Firings that came more than a minute late")),
      parked_(r.gauge("swarm_orchestrator_tasks_parked", "Tasks that wait for budget")) {
  for (const TaskStatus status : kAllStatuses) {
    if (is_final(status)) continue;
    live_[static_cast<std::size_t>(status)] = &r.gauge("swarm_orchestrator_tasks", "Tasks that are not finished, by status", {{"status", std::string(name(status))}});
  }
  r.gauge_callback("swarm_orchestrator_oldest_queued_seconds", "How long the longest waiting queued task has waited; 0: none is queued", {}, [this] {
    const auto since = oldest_queued_.load(std::memory_order_relaxed);
    return since == 0 ? 0.0 : std::max(0.0, seconds(clock_.boot_now().time_since_epoch() - std::chrono::nanoseconds(since)));
  });
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

void Probe::engine(const TaskEngine& engine, Now now) {
  for (const TaskStatus status : kAllStatuses) {
    if (auto* gauge = live_[static_cast<std::size_t>(status)]) gauge->set(static_cast<double>(engine.in_status(status)));
  }
  const auto& tally = engine.tally();
  leases_expired_.add(tally.leases_expired - told_.leases_expired);
  leases_not_started_.add(tally.leases_not_started - told_.leases_not_started);
  attempts_overdue_.add(tally.attempts_overdue - told_.attempts_overdue);
  queue_overdue_.add(tally.queue_overdue - told_.queue_overdue);
  results_refused_.add(tally.results_refused - told_.results_refused);
  tasks_deleted_.add(tally.tasks_deleted - told_.tasks_deleted);
  schedules_fired_.add(tally.schedules_fired - told_.schedules_fired);
  firings_missed_.add(tally.firings_missed - told_.firings_missed);
  told_ = tally;
  std::chrono::nanoseconds oldest{0};
  for (const auto* task : engine.ready().longest_waiting()) oldest = std::max<std::chrono::nanoseconds>(oldest, now.wall - task->state->updated);
  const bool any = engine.queued() > 0;
  oldest_queued_.store(any ? (now.boot - oldest).time_since_epoch().count() : 0, std::memory_order_relaxed);
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

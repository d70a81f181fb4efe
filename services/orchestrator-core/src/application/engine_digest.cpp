#include "application/engine_digest.hpp"

#include <map>

namespace swarm::orchestrator {
namespace {

class Digest {
 public:
  void add(std::uint64_t value) { sum_ = mix(sum_ ^ mix(value + 0x9e3779b97f4a7c15ull)); }
  void add(std::string_view text) { add(stable_hash(text)); }
  std::uint64_t sum() const { return sum_; }

 private:
  std::uint64_t sum_ = 0;
};

template <class T>
std::uint64_t number(T value) {
  return static_cast<std::uint64_t>(value);
}

void add(Digest& digest, const TaskEntry& task) {
  const auto& state = *task.state;
  for (const auto value : {task.spec->id.high, task.spec->id.low, number(state.status), number(state.blocked), number(state.attempt),
                           number(state.attempts_counted), number(state.attempts_in_state), number(state.leases_granted), state.version,
                           number(state.history_count), number(state.feedback_count), number(state.approved), number(task.started),
                           number(task.open_dependencies), number(state.results.size()), number(task.wake.time_since_epoch().count()),
                           number(task.ends.time_since_epoch().count()), number(task.timer.time_since_epoch().count()),
                           number(state.updated.time_since_epoch().count())}) {
    digest.add(value);
  }
  for (const auto* text : {&state.workflow_state, &state.role, &state.lease.agent}) digest.add(*text);
}

}  // namespace

std::uint64_t digest_of(const TaskEngine& engine) {
  std::map<TaskNumber, const TaskEntry*> tasks;
  for (const auto& [id, task] : engine.tasks()) tasks.emplace(task->spec->number, task.get());
  Digest digest;
  for (const auto& [task_number, task] : tasks) {
    digest.add(task_number);
    add(digest, *task);
  }
  for (const auto& [name, agent] : engine.agents().all()) {
    digest.add(name);
    for (const auto value : {agent.ticket, agent.poll, agent.link, number(agent.credit), number(agent.drained), number(agent.held.size())}) digest.add(value);
  }
  for (const auto& [name, entry] : engine.schedules().all()) {
    digest.add(name);
    digest.add(number(entry.schedule.next.time_since_epoch().count()));
    digest.add(entry.schedule.fired);
  }
  for (const auto value : {number(engine.active()), number(engine.queued()), number(engine.holds().all().size()), engine.rules().version(),
                           number(engine.dispatch().halted), engine.outcomes_waiting()}) {
    digest.add(value);
  }
  return digest.sum();
}

}  // namespace swarm::orchestrator

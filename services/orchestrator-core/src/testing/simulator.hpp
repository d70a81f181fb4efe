#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "application/commit_pipeline.hpp"
#include "testing/fake_task_store.hpp"

namespace swarm::orchestrator::testing {

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::size_t steps = 10'000;    // with faults; then the world heals and everything must end
  std::size_t agents = 12;
  std::size_t tasks_open_max = 60;
};

/// What one run came to.
struct SimulationReport {
  std::vector<std::string> violations;  // of invariants; empty: sound
  std::set<std::pair<TaskStatus, TaskStatus>> moves;
  std::map<std::string, std::uint64_t> counts;  // faults injected and things that happened
  std::uint64_t fingerprint = 0;        // equal for equal seeds
};

/// Runs the engine and its commit pipeline in virtual time, against agents that die, lag, repeat themselves and lose
/// messages, a client that repeats, cancels and halts, a wall clock that jumps, and a store that is slow, full, or dies
/// with an unknown outcome. A seed decides everything.
///
/// Checked all the time: nothing acknowledged is lost; answers agree with what is durable; no result counts twice and
/// none of a lease that was given away since; every move is in the transition table and begins where the last one
/// ended; a finished task stays as it is; queues, leases, timers and counters agree with each other; no agent waits
/// while a task that it may have is queued. At the end, in a healed world, every task must finish.
class Simulator {
 public:
  explicit Simulator(SimulationOptions options);
  ~Simulator();
  SimulationReport run();

 private:
  struct World;
  std::unique_ptr<World> world_;
};

}  // namespace swarm::orchestrator::testing

#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#include "application/engine_loop.hpp"
#include "application/interrupt.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator {

/// How long finished tasks are kept. Zero: for ever, or any number of them.
struct RetentionPolicy {
  std::chrono::milliseconds succeeded{0};
  std::chrono::milliseconds cancelled{0};
  std::chrono::milliseconds dead{0};
  std::uint64_t finished_max = 0;

  bool keeps_everything() const { return succeeded.count() == 0 && cancelled.count() == 0 && dead.count() == 0 && finished_max == 0; }
};

/// Of a page those whose time is over; `excess` of the oldest go too, and are taken off it.
std::vector<TaskId> overdue(const FinishedPage& page, const RetentionPolicy& policy, WallTime now, std::uint64_t& excess);

/// Walks through the finished tasks now and then, a page at a time, and has the engine drop those whose time is over. What
/// others still build on stays until they are over. One thread.
class Retention {
 public:
  Retention(RetentionPolicy policy, const TaskStore& store, EngineLoop& loop, const Clock& clock);
  ~Retention() { stop(); }
  void start();
  void stop();

 private:
  void run();
  void walk();

  const RetentionPolicy policy_;
  const TaskStore& store_;
  EngineLoop& loop_;
  const Clock& clock_;
  Interrupt interrupt_;
  std::thread thread_;
};

}  // namespace swarm::orchestrator

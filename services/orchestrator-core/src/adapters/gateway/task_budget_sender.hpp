#pragma once

#include <grpcpp/channel.h>

#include <deque>
#include <memory>
#include <thread>

#include "application/event_bus.hpp"
#include "application/interrupt.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator::gateway_client {

/// Tells the gateway the budget of each task that has one, at its submission, and its end, after which the gateway may
/// forget it; of those that live when the orchestrator
/// starts again, unless the gateway has a limit for them, which somebody may have raised meanwhile. While the gateway is
/// away (then no model call is served either) they wait, bounded. One thread.
class TaskBudgetSender {
 public:
  TaskBudgetSender(std::shared_ptr<grpc::Channel> channel, const TaskStore& store, EventBus& bus);
  ~TaskBudgetSender();
  void start();
  void stop();

 private:
  void run();
  /// All live tasks: at a start, and when events were missed.
  void collect_live();
  enum class When { Submitted, Lives, Ended };  // Lives: the gateway may know it already
  void collect(const StoredTask& task, When when);
  struct Waiting {
    TaskId task;
    std::int64_t nanos = 0;
    When when = When::Submitted;
  };
  grpc::Status send(const Waiting& budget);
  /// Sends what waits; false when the gateway does not answer.
  bool send_waiting();

  std::shared_ptr<grpc::Channel> channel_;
  const TaskStore& store_;
  std::shared_ptr<Subscription> subscription_;
  std::deque<Waiting> waiting_;
  Interrupt interrupt_;
  std::thread thread_;
};

}  // namespace swarm::orchestrator::gateway_client

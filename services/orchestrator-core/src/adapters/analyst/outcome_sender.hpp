#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <thread>

#include "application/engine_loop.hpp"
#include "application/interrupt.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator::analyst_client {

/// Empties the durable outbox of outcomes to the analyst, oldest first, at least once. Sleeps until the bus says that
/// there are new ones; while the analyst is away it tries again with a back-off. One thread.
class OutcomeSender {
 public:
  OutcomeSender(std::shared_ptr<grpc::Channel> channel, EngineLoop& loop, const TaskStore& store, EventBus& bus);
  ~OutcomeSender();
  void start();
  void stop();

 private:
  void run();
  /// How many were delivered; nothing when that failed.
  std::optional<std::size_t> send_some();

  std::shared_ptr<grpc::Channel> channel_;
  EngineLoop& loop_;
  const TaskStore& store_;
  std::shared_ptr<Subscription> subscription_;
  Interrupt interrupt_;
  std::uint64_t delivered_ = 0;
  std::thread thread_;
};

}  // namespace swarm::orchestrator::analyst_client

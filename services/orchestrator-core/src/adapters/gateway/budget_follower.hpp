#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "application/engine_loop.hpp"
#include "application/interrupt.hpp"
#include "application/probe.hpp"
#include "libs/async/guarded.hpp"

namespace grpc {
class ClientContext;
}
namespace llm_gateway {
class SpendReport;
}

namespace swarm::orchestrator::gateway_client {

struct BudgetPolicy {
  bool dry_at_protected = true;
  bool forget_when_away = false;
};

/// Follows the gateway's budgets and tells the engine which are dry, so that nobody waits for the gateway when a task is
/// assigned. With the gateway away tasks go on by what it said last (see BudgetPolicy); it is tried again with a
/// back-off of at most 1 s. One thread.
class BudgetFollower {
 public:
  BudgetFollower(std::shared_ptr<grpc::Channel> channel, EngineLoop& loop, Probe& probe, BudgetPolicy policy);
  ~BudgetFollower();
  void start();
  void stop();
  bool connected() const { return connected_.load(); }
  std::string detail() const;

 private:
  /// What was last heard of one window of a scope, to see when it was refilled.
  struct Heard {
    double limit = 0;
    double spent = 0;
    bool unlimited = false;
    bool dry = false;
    WallTime resets{};
  };

  void run();
  std::string follow();
  /// Everything that the gateway knows, in one piece; the error's text, or nothing.
  std::string take_snapshot();
  /// `changed`: the engine has not heard this yet.
  BudgetNews to_news(const llm_gateway::SpendReport& report, bool& changed);
  void set_context(grpc::ClientContext* context);

  std::shared_ptr<grpc::Channel> channel_;
  EngineLoop& loop_;
  Probe& probe_;
  BudgetPolicy policy_;
  std::map<std::string, Heard> heard_;
  std::atomic<bool> connected_{false};
  async::Guarded<std::string> detail_{"not connected yet"};
  async::Guarded<grpc::ClientContext*> context_{nullptr};
  Interrupt interrupt_;
  std::thread thread_;
};

}  // namespace swarm::orchestrator::gateway_client

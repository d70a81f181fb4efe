#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "application/engine_loop.hpp"
#include "application/interrupt.hpp"
#include "application/probe.hpp"
#include "application/rule_checks.hpp"
#include "libs/async/guarded.hpp"

namespace grpc {
class ClientContext;
}

namespace swarm::orchestrator::analyst_client {

/// Follows the analyst's golden rules and hands each change to the engine, which makes it durable. The analyst being
/// away only means that rules stay as they are: it is tried again with a back-off of at most 1 s, from the version
/// last seen. One thread.
class RuleFollower {
 public:
  RuleFollower(std::shared_ptr<grpc::Channel> channel, EngineLoop& loop, Probe& probe, RuleChecks& checks, std::uint64_t from_version);
  ~RuleFollower();
  void start();
  void stop();
  bool connected() const { return connected_.load(); }
  /// Why it is not connected, or how far it got.
  std::string detail() const;

 private:
  void run();
  std::string follow();

  std::shared_ptr<grpc::Channel> channel_;
  EngineLoop& loop_;
  Probe& probe_;
  RuleChecks& checks_;
  std::uint64_t version_;
  std::atomic<bool> connected_{false};
  async::Guarded<std::string> detail_{"not connected yet"};
  async::Guarded<grpc::ClientContext*> context_{nullptr};
  Interrupt interrupt_;
  std::thread thread_;
};

}  // namespace swarm::orchestrator::analyst_client

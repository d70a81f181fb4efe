#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "application/probe.hpp"
#include "application/rule_board.hpp"
#include "ports/rule_sink.hpp"

namespace swarm::analyst::application {

/// Hands the rules on to every sink after each change, on a thread of its own, again until each has taken them. What a
/// restart interrupts is made good at the next start, when everything is handed on once more.
class RulePublisher final : public RuleWatcher {
 public:
  RulePublisher(std::vector<ports::RuleSink*> sinks, RuleBoard& board, Probe& probe) : sinks_(std::move(sinks)), board_(board), probe_(probe) {}
  ~RulePublisher() override;

  void start();
  void stop();
  void changed() override;
  /// What the sinks lack, for readiness; empty when all is handed on.
  std::string backlog() const;

 private:
  void run();
  bool hand_on();

  std::vector<ports::RuleSink*> sinks_;
  RuleBoard& board_;
  Probe& probe_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool pending_ = true;
  bool stopping_ = false;
  std::string backlog_;
  std::thread thread_;
};

}  // namespace swarm::analyst::application

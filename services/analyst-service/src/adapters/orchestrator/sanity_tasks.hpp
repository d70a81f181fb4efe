#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "ports/sanity_runner.hpp"

namespace grpc {
class Channel;
}

namespace swarm::analyst::adapters {

/// A sanity run is a task like any other: submitted to the orchestrator with the rule in its context, in the rule's stack
/// and role, and passed when the task succeeds. Thread-safe.
class SanityTasks final : public ports::SanityRunner {
 public:
  struct Options {
    std::string task;                        // what the agent is asked to do
    std::chrono::milliseconds time{600'000}; // then the task is cancelled
  };
  SanityTasks(std::shared_ptr<grpc::Channel> channel, Options options) : channel_(std::move(channel)), options_(std::move(options)) {}

  Result<std::string> start(const domain::GoldenRule& rule) override;
  Result<ports::SanityVerdict> verdict(const std::string& run) override;

 private:
  std::shared_ptr<grpc::Channel> channel_;
  const Options options_;
};

}  // namespace swarm::analyst::adapters

#pragma once

#include <chrono>
#include <memory>

#include "libs/async/guarded.hpp"
#include "libs/base/circuit_breaker.hpp"
#include "libs/base/clock.hpp"
#include "ports/rule_author.hpp"

namespace grpc {
class Channel;
}

namespace swarm::analyst::adapters {

/// A model behind the gateway's Complete. The log goes to it as quoted, bounded data between markers, never as an
/// instruction. Guarded by a breaker. Thread-safe.
class ModelAuthor final : public ports::RuleAuthor {
 public:
  struct Options {
    std::string model;                     // empty: the gateway's default
    std::chrono::milliseconds timeout{20'000};
  };
  ModelAuthor(std::shared_ptr<grpc::Channel> channel, const Clock& clock, Options options);

  Result<ports::RuleDraft> write(const domain::KindText& kind, std::int64_t tasks) override;
  std::string name() const override;
  CircuitBreaker::State state() const;

 private:
  std::shared_ptr<grpc::Channel> channel_;
  const Clock& clock_;
  const Options options_;
  mutable async::Guarded<CircuitBreaker> breaker_;
};

/// What the model gets to read.
std::string author_prompt(const domain::KindText& kind, std::int64_t tasks);
/// The rule in a model's answer: without preamble, list marks, quotes, code fences and the line of its check.
std::string rule_in_answer(std::string_view answer);
/// The pattern after "CHECK:" on a line of its own, without the quotes around it; empty when there is none.
std::string check_in_answer(std::string_view answer);

}  // namespace swarm::analyst::adapters

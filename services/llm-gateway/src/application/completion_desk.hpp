#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "application/relay.hpp"
#include "ports/completion_codec.hpp"
#include "ports/kept_answers.hpp"

namespace swarm::gateway {

/// Prompts from agents that call over gRPC, through the same pipeline as HTTP. A completion always finishes, also for a
/// caller that left; identical prompts in flight are joined, and an answer that nobody took waits for the caller who
/// tries again: a prompt is paid once. Runs on one io_context's thread; ask() may be called from any.
class CompletionDesk {
 public:
  /// True when the answer surely reached the caller, in time.
  using Reply = std::function<bool(const Result<std::string>&)>;
  struct Caller {
    const Principal* who = nullptr;  // null: the credential says
    std::string credential;
    std::string task;
    std::string task_token;
    trace::Context trace;
  };
  struct Options {
    std::string default_model;
    std::chrono::milliseconds kept{300'000};
    std::size_t kept_max = 1'000;
    std::size_t kept_bytes_max = 64u << 20;
    std::size_t in_flight_max = 1'000;
    KeptAnswers* beyond_restart = nullptr;  // null: kept in memory only
  };

  CompletionDesk(boost::asio::io_context& io, Relay& relay, CompletionCodec& codec, const Clock& clock, Options options);

  /// What an earlier life of this process kept. Before the first ask().
  void restore(std::vector<KeptAnswers::Entry> kept);
  void ask(Prompt prompt, Caller caller, Reply reply);
  std::size_t in_flight() const { return jobs_.size(); }

 private:
  struct Job {
    std::vector<Reply> replies;
  };
  struct Kept {
    std::string text;
    BootTime until{};
  };
  void begin(Prompt prompt, Caller caller, Reply reply);
  boost::asio::awaitable<void> run(std::string id, Prompt prompt, Caller caller);
  boost::asio::awaitable<Result<std::string>> complete(Prompt prompt, Caller caller);
  boost::asio::awaitable<Result<std::string>> one_call(Prompt prompt, Caller caller, Dialect dialect);
  void finish(const std::string& id, const Result<std::string>& result);
  bool keep(const std::string& id, const std::string& text, BootTime until);
  void drop_old(BootTime now);
  void drop(std::unordered_map<std::string, Kept>::iterator kept);

  boost::asio::io_context& io_;
  Relay& relay_;
  CompletionCodec& codec_;
  const Clock& clock_;
  Options options_;
  std::unordered_map<std::string, Job> jobs_;
  std::unordered_map<std::string, Kept> kept_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace swarm::gateway

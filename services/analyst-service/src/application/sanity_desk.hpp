#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "application/ledger_loop.hpp"
#include "ports/sanity_runner.hpp"

namespace swarm::analyst::application {

/// Has every rule that waits for its sanity run tried, on a thread of its own. A rule that passes becomes active, or waits
/// for approval; one that fails stays proposed with the reason; one that nobody tried in time stays proposed, too. A text
/// that changes meanwhile is tried again. What a restart interrupts goes on: the runs are found again by rule and version.
class SanityDesk final : public RuleWatcher {
 public:
  struct Options {
    std::chrono::milliseconds time{600'000};  // for one run
    std::chrono::milliseconds poll{500};
    bool approval = false;
  };
  SanityDesk(ports::SanityRunner& runner, RuleBoard& board, LedgerLoop& ledger, const Clock& clock, Options options)
      : runner_(runner), board_(board), ledger_(ledger), clock_(clock), options_(options) {}
  ~SanityDesk() override;

  void start();
  void stop();
  void changed() override;
  /// One look at all that waits, for the thread and for tests. False when nothing does.
  bool look();
  /// Why the last call of the runner failed; empty when it did not.
  std::string trouble() const;

 private:
  struct Run {
    std::string id;
    BootTime begun;
  };
  void run();
  void look_at(const domain::GoldenRule& rule);
  void conclude(const domain::GoldenRule& rule, domain::RuleState state, std::string reason);
  void note(const Result<void>& called);

  ports::SanityRunner& runner_;
  RuleBoard& board_;
  LedgerLoop& ledger_;
  const Clock& clock_;
  const Options options_;
  std::map<std::string, Run> runs_;  // by rule and version; the thread's own
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool pending_ = true;
  bool stopping_ = false;
  std::string trouble_;
  std::thread thread_;
};

}  // namespace swarm::analyst::application

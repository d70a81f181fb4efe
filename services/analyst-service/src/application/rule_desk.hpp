#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "application/ledger_loop.hpp"
#include "libs/telemetry/span.hpp"
#include "ports/rule_author.hpp"

namespace swarm::analyst::application {

/// Asks a model for a better text of new rules, one at a time, on a thread of its own: nobody waits for it. A text that
/// fails the checks, or repeats a rule of the same scope, is dropped and the template's text stays. An author that can't
/// be reached is tried again: a few times with growing pauses, then now and then. A pattern that comes with a text becomes
/// the rule's check when the rule has none, and when it spares ordinary work and the logs of other kinds; else it is dropped.
///
/// It also words rules for those who store them themselves: a draft is nobody's rule, and is kept in memory only.
class RuleDesk {
 public:
  struct Limits {
    std::size_t queue_max = 256;
    int tries_max = 3;
    std::chrono::milliseconds pause{1000};  // doubled after each try
    std::chrono::milliseconds later{30'000};  // before what failed that often is tried anew
    bool checks = true;  // its patterns count, once they pass
    bool proposed_only = false;  // what is active was tried as it stands
    std::size_t drafts_max = 1'000;
  };
  RuleDesk(ports::RuleAuthor& author, ports::FailureStore& store, RuleBoard& board, LedgerLoop& ledger, Probe& probe, Limits limits);
  ~RuleDesk();

  void start();
  void stop();
  /// When the queue is full the rule keeps its template. The author is asked within the caller's trace.
  void improve(const domain::Id& kind);
  /// The model's text for a kind that `tasks` tasks met and that has no rule here, once it has written one. Until then nothing, and it is
  /// asked to; also when an earlier text of its was refused, as the template serves then.
  std::optional<std::string> draft(const domain::KindText& kind, std::int64_t tasks);

 private:
  struct Draft { domain::KindText about; std::int64_t tasks = 0; };
  struct Wish { domain::Id kind; std::optional<trace::Context> trace; std::optional<Draft> draft; };
  void run();
  bool write(const Wish& wish);  // false: worth another try
  bool write_draft(const Wish& wish);
  Result<ports::RuleDraft> ask(const domain::KindText& about, std::int64_t tasks, const std::string& id);
  bool wait(std::chrono::milliseconds pause);
  bool next(Wish& wish);
  std::string fault(const std::string& text, const domain::GoldenRule& rule) const;
  std::string fault_of_check(const std::string& pattern, const domain::Id& kind) const;

  ports::RuleAuthor& author_;
  ports::FailureStore& store_;
  RuleBoard& board_;
  LedgerLoop& ledger_;
  Probe& probe_;
  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Wish> queue_;
  std::deque<Wish> later_;   // of the desk's thread
  std::unordered_map<domain::Id, std::string, domain::IdHash> drafts_;  // empty: asked for, or refused
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::analyst::application

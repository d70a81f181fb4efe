#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

#include "application/ledger.hpp"
#include "application/probe.hpp"
#include "application/rule_board.hpp"
#include "libs/base/clock.hpp"
#include "libs/telemetry/span.hpp"

namespace swarm::analyst::application {

/// The one thread that owns the ledger. Commands of all callers wait in one bounded queue; what waits is staged
/// together, committed together (one fdatasync), and only then answered. A commit that surely failed leaves no trace and
/// is answered with its error. One whose outcome is unknown ends the service: every caller gets Unavailable and
/// `on_lost` is called once.
///
/// submit() is thread-safe; answers come on the ledger's thread and must not block.
class LedgerLoop {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;
  struct Hooks {
    std::function<void(const domain::Id& kind)> rule_made;  // after the commit, within the trace of the report
    std::function<void(const Error&)> on_lost;
    std::function<void()> idle;  // on the ledger's thread, once after each burst
  };

  LedgerLoop(Ledger& ledger, ports::FailureStore& store, RuleBoard& board, const Clock& clock, Probe& probe, Hooks hooks,
             std::size_t queue_max);
  ~LedgerLoop();

  /// Reads the store and starts the thread.
  Result<void> start();
  /// Finishes what is queued, then ends the thread. Later submissions get Unavailable.
  void stop();

  /// ResourceExhausted when the queue is full.
  void submit(FailureReport report, Done<FailureAnswer> done);
  void submit(std::vector<OutcomeReport> reports, Done<std::size_t> done);
  void submit(RuleChange change, Done<domain::GoldenRule> done);
  void submit(GroupingChange change, Done<void> done);

  struct Overview {
    std::vector<domain::Group> groups;
    domain::Totals totals;
    std::size_t group_count = 0;
  };
  /// Of committed state.
  Overview overview(std::size_t limit) const;
  /// With zero events when the kind is not known.
  domain::Group group(const domain::Id& kind) const;
  bool has_rule(const domain::Id& kind) const;
  /// Where a failure of this kind with this cause line counts, and the merges and splits that it passes.
  struct Way { domain::Id own, root; std::vector<std::string> steps; };
  Way way(const domain::Id& kind, std::string_view cause_line) const;
  std::vector<ports::GroupRoute> routes() const;
  /// Kinds that were merged into this one.
  std::vector<domain::Id> members(const domain::Id& root) const;
  /// Why the last commit failed; empty when it did not. While it stands, an empty commit is tried now and then.
  std::string fault() const;
  /// Attempts that ended in a scope.
  std::int64_t scope_outcomes(const std::string& stack, const std::string& role) const;

 private:
  struct Failure { FailureReport report; Done<FailureAnswer> done; std::optional<trace::Context> trace; };
  struct Outcomes { std::vector<OutcomeReport> reports; Done<std::size_t> done; };
  struct Change { RuleChange change; Done<domain::GoldenRule> done; };
  struct Grouping { GroupingChange change; Done<void> done; };
  using Command = std::variant<Failure, Outcomes, Change, Grouping>;
  using Answer = std::function<void(const Error* failed)>;

  void enqueue(Command command);
  static void refuse(Command& command, const Error& error);
  void run();
  void process(std::vector<Command> batch);
  Answer stage(Failure& command, std::int64_t now_ms);
  Answer stage(Outcomes& command, std::int64_t now_ms);
  Answer stage(Change& command, std::int64_t now_ms);
  Answer stage(Grouping& command, std::int64_t now_ms);
  void count_rules();
  void lose(const Error& error);
  void note_commit(const Result<void>& committed);

  Ledger& ledger_;
  ports::FailureStore& store_;
  RuleBoard& board_;
  const Clock& clock_;
  Probe& probe_;
  Hooks hooks_;
  const std::size_t queue_max_;

  mutable std::mutex ledger_mutex_;  // the thread holds it while committed state changes, readers while they look
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Command> queue_;
  bool stopping_ = false;
  bool lost_ = false;
  std::string fault_;
  std::thread thread_;
};

}  // namespace swarm::analyst::application

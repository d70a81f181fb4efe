#include "application/ledger_loop.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libs/telemetry/logging.hpp"

namespace swarm::analyst::application {

namespace {

// How late a rule may retire whose time is up, or a disk be found well again, while nothing else happens.
constexpr std::chrono::seconds kExpiryPause{5};

}  // namespace

LedgerLoop::LedgerLoop(Ledger& ledger, ports::FailureStore& store, RuleBoard& board, const Clock& clock, Probe& probe,
                       Hooks hooks, std::size_t queue_max)
    : ledger_(ledger), store_(store), board_(board), clock_(clock), probe_(probe), hooks_(std::move(hooks)), queue_max_(queue_max) {}

LedgerLoop::~LedgerLoop() { stop(); }

Result<void> LedgerLoop::start() {
  BOOST_OUTCOME_TRY(ledger_.recover());
  std::vector<domain::GoldenRule> rules;
  for (const auto& [kind, rule] : ledger_.rules()) rules.push_back(rule);
  board_.publish(rules);
  count_rules();
  probe_.groups.set(static_cast<double>(ledger_.groups().size()));
  thread_ = std::thread([this] { run(); });
  return outcome::success();
}

void LedgerLoop::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LedgerLoop::submit(FailureReport report, Done<FailureAnswer> done) { enqueue(Failure{std::move(report), std::move(done), trace::copy_of_current()}); }
void LedgerLoop::submit(std::vector<OutcomeReport> reports, Done<std::size_t> done) { enqueue(Outcomes{std::move(reports), std::move(done)}); }
void LedgerLoop::submit(RuleChange change, Done<domain::GoldenRule> done) { enqueue(Change{std::move(change), std::move(done)}); }
void LedgerLoop::submit(GroupingChange change, Done<void> done) { enqueue(Grouping{std::move(change), std::move(done)}); }

void LedgerLoop::refuse(Command& command, const Error& error) {
  std::visit([&](auto& c) { c.done(error); }, command);
}

void LedgerLoop::enqueue(Command command) {
  Error error;
  {
    std::lock_guard lock(mutex_);
    if (!stopping_ && !lost_ && queue_.size() < queue_max_) {
      queue_.push_back(std::move(command));
      probe_.queue.set(static_cast<double>(queue_.size()));
      if (queue_.size() == 1) wake_.notify_one();
      return;
    }
    error = lost_       ? Error{Code::Unavailable, "the store was lost; the service is ending"}
            : stopping_ ? Error{Code::Unavailable, "the service is draining; try another one or later"}
                        : Error{Code::ResourceExhausted, "the queue of " + std::to_string(queue_max_) + " reports is full; try again"};
  }
  probe_.refused.add();
  refuse(command, error);
}

void LedgerLoop::run() {
  for (bool rested = false;;) {
    std::vector<Command> batch;
    {
      std::unique_lock lock(mutex_);
      const bool woken = wake_.wait_for(lock, kExpiryPause, [this] { return stopping_ || !queue_.empty(); });
      if (!woken && !std::exchange(rested, true) && hooks_.idle) {
        lock.unlock();
        hooks_.idle();
        continue;
      }
      rested = rested && !woken;
      if (queue_.empty() && stopping_) return;
      const bool due = !fault_.empty() || ledger_.has_expired(unix_ms(clock_.wall_now()));
      if (queue_.empty() && (lost_ || !due)) continue;
      batch.swap(queue_);
      probe_.queue.set(0);
    }
    // A merge looks at what is committed, so it opens a batch of its own.
    while (true) {
      const auto next = std::find_if(batch.begin() + (batch.empty() ? 0 : 1), batch.end(),
                                     [](const Command& command) { return std::holds_alternative<Grouping>(command); });
      std::vector<Command> rest(std::make_move_iterator(next), std::make_move_iterator(batch.end()));
      batch.erase(next, batch.end());
      process(std::move(batch));
      if (rest.empty()) break;
      batch = std::move(rest);
    }
  }
}

LedgerLoop::Answer LedgerLoop::stage(Failure& command, std::int64_t now_ms) {
  auto answer = ledger_.stage(command.report, now_ms);
  return [this, done = std::move(command.done), kind = command.report.kind.kind, trace = command.trace, answer = std::move(answer)](const Error* failed) {
    if (failed != nullptr) return done(*failed);
    if (answer) {
      (answer.value().repeat ? probe_.repeats : probe_.counted).add();
      if (answer.value().rule_made) {
        probe_.rules_made.add();
        std::optional<trace::Scope> scope;
        if (trace) scope.emplace(*trace);
        if (hooks_.rule_made) hooks_.rule_made(kind);
      }
    }
    done(answer);
  };
}

LedgerLoop::Answer LedgerLoop::stage(Outcomes& command, std::int64_t now_ms) {
  Result<std::size_t> counted = std::size_t{0};
  for (const auto& report : command.reports) {
    const auto fresh = ledger_.stage(report, now_ms);
    if (!fresh) {
      counted = fresh.error();
      break;
    }
    counted = counted.value() + (fresh.value() ? 1 : 0);
  }
  return [this, done = std::move(command.done), counted](const Error* failed) {
    if (failed != nullptr) return done(*failed);
    if (counted) probe_.outcomes.add(counted.value());
    done(counted);
  };
}

LedgerLoop::Answer LedgerLoop::stage(Change& command, std::int64_t now_ms) {
  auto changed = ledger_.stage(command.change, now_ms);
  return [done = std::move(command.done), changed = std::move(changed)](const Error* failed) {
    if (failed != nullptr) return done(*failed);
    done(changed);
  };
}

LedgerLoop::Answer LedgerLoop::stage(Grouping& command, std::int64_t now_ms) {
  auto changed = ledger_.stage(command.change, now_ms);
  return [done = std::move(command.done), changed = std::move(changed)](const Error* failed) {
    if (failed != nullptr) return done(*failed);
    done(changed);
  };
}

void LedgerLoop::process(std::vector<Command> batch) {
  const auto now_ms = unix_ms(clock_.wall_now());
  std::vector<Answer> answers;
  answers.reserve(batch.size());
  for (auto& command : batch) answers.push_back(std::visit([&](auto& c) { return stage(c, now_ms); }, command));
  ledger_.stage_expiry(now_ms);
  const auto changes = ledger_.changes();
  const auto before = clock_.boot_now();
  auto committed = store_.commit(changes);
  probe_.commit_seconds.observe(std::chrono::duration<double>(clock_.boot_now() - before).count());
  probe_.commits.add();
  note_commit(committed);
  {
    std::lock_guard lock(ledger_mutex_);
    committed ? ledger_.committed() : ledger_.dropped();
  }
  if (!committed) {
    log::error("commit failed", {{"error", committed.error().message}, {"commands", batch.size()}});
    if (committed.error().code == Code::Unavailable) lose(committed.error());
    for (auto& answer : answers) answer(&committed.error());
    return;
  }
  probe_.groups.set(static_cast<double>(ledger_.groups().size()));
  if (!changes.rules.empty()) {
    board_.publish(changes.rules);
    count_rules();
  }
  for (auto& answer : answers) answer(nullptr);
}

void LedgerLoop::count_rules() {
  const auto& rules = ledger_.rules();
  const auto count = [&](domain::RuleState state) {
    return static_cast<double>(std::count_if(rules.begin(), rules.end(), [&](const auto& entry) { return entry.second.state == state; }));
  };
  probe_.proposed_rules.set(count(domain::RuleState::Proposed));
  probe_.active_rules.set(count(domain::RuleState::Active));
  probe_.retired_rules.set(count(domain::RuleState::Retired));
  probe_.rule_effects.show(rules);
}

void LedgerLoop::lose(const Error& error) {
  std::vector<Command> waiting;
  {
    std::lock_guard lock(mutex_);
    lost_ = true;
    waiting.swap(queue_);
  }
  for (auto& command : waiting) refuse(command, error);
  if (hooks_.on_lost) hooks_.on_lost(error);
}

domain::Group LedgerLoop::group(const domain::Id& kind) const {
  std::lock_guard lock(ledger_mutex_);
  return ledger_.group(kind);
}

LedgerLoop::Way LedgerLoop::way(const domain::Id& kind, std::string_view cause_line) const {
  std::lock_guard lock(ledger_mutex_);
  const auto found = ledger_.routes().find(kind, cause_line);
  Way way{found.own, found.root, {}};
  const auto by = [](const ports::GroupRoute& route) { return " by " + route.by + (route.reason.empty() ? "" : ": " + route.reason); };
  if (found.split) way.steps.push_back("split " + found.split->name + " of kind " + text(kind) + ", pattern " + found.split->pattern + by(*found.split));
  if (found.merge) way.steps.push_back("kind " + text(found.own) + " is merged into " + text(found.root) + by(*found.merge));
  return way;
}

std::vector<domain::Id> LedgerLoop::members(const domain::Id& root) const {
  std::lock_guard lock(ledger_mutex_);
  return ledger_.routes().members(root);
}

std::vector<ports::GroupRoute> LedgerLoop::routes() const {
  std::lock_guard lock(ledger_mutex_);
  return ledger_.routes().all();
}

bool LedgerLoop::has_rule(const domain::Id& kind) const {
  std::lock_guard lock(ledger_mutex_);
  return ledger_.rules().contains(kind);
}

void LedgerLoop::note_commit(const Result<void>& committed) {
  std::lock_guard lock(mutex_);
  fault_ = committed ? std::string() : committed.error().message;
}

std::string LedgerLoop::fault() const {
  std::lock_guard lock(mutex_);
  return fault_;
}

std::int64_t LedgerLoop::scope_outcomes(const std::string& stack, const std::string& role) const {
  std::lock_guard lock(ledger_mutex_);
  return ledger_.scope_outcomes(stack, role);
}

LedgerLoop::Overview LedgerLoop::overview(std::size_t limit) const {
  std::lock_guard lock(ledger_mutex_);
  return {ledger_.largest(limit), ledger_.totals(), ledger_.group_count()};
}

}  // namespace swarm::analyst::application

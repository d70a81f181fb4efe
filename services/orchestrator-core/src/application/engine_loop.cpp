#include "application/engine_loop.hpp"

#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kFewCommands = 4;
constexpr std::chrono::milliseconds kFiguresEvery{100};

}  // namespace

EngineLoop::EngineLoop(Parts parts, QueueLimits queue, std::size_t finished_kept,
                       std::function<void(const Error&)> fatal)
    : parts_(parts), pipeline_(parts.engine, parts.store, parts.zones, finished_kept), queue_(queue), fatal_(std::move(fatal)) {}

EngineLoop::~EngineLoop() { stop(); }

Result<std::uint64_t> EngineLoop::start() {
  pipeline_.record_to(parts_.log);
  BOOST_OUTCOME_TRY(pipeline_.recover(now()));
  halt(parts_.engine.dispatch().halted);
  parts_.probe.halted(halted());
  parts_.probe.rules(parts_.engine.rules().active(), parts_.engine.rules().version());
  const std::uint64_t rules_version = parts_.engine.rules().version();
  committer_ = std::thread([this] { run_committer(); });
  engine_ = std::thread([this] { run_engine(); });
  return rules_version;
}

bool EngineLoop::submit(Command command) {
  if (queue_.push(std::move(command), parts_.clock.boot_now())) return true;
  parts_.probe.rejected();
  return false;
}

void EngineLoop::stop() {
  queue_.close();
  if (engine_.joinable()) engine_.join();
  {
    std::lock_guard lock(commit_mutex_);
    stopping_ = true;
  }
  commit_changed_.notify_all();
  if (committer_.joinable()) committer_.join();
  if (!std::exchange(ended_, true)) pipeline_.ended();
}

void EngineLoop::run_engine() {
  while (!lost_) {
    const bool closed = queue_.closed();
    const bool worked = apply_queued();
    settle_commit();
    if (lost_) return;
    if (!pipeline_.committing() && pipeline_.has_work()) {
      give_batch();
    } else if (closed && !worked && !pipeline_.committing()) {
      return;
    }
    parts_.probe.sizes(parts_.engine.active(), parts_.engine.queued(), parts_.engine.agents().all().size(),
                       parts_.engine.agents().waiting());
    // Under load once in a while will do; what goes to sleep leaves true figures behind.
    if (const Now at = now(); taken_.size() < kFewCommands || at.boot - last_figures_ > kFiguresEvery) {
      last_figures_ = at.boot;
      parts_.probe.engine(parts_.engine, at);
    }
    parts_.probe.budgets(parts_.engine.budgets().size(), parts_.engine.parked().size());
    parts_.probe.outcomes(parts_.engine.outcomes_waiting(), parts_.engine.outcomes_dropped());
    if (closed && pipeline_.committing()) {
      std::unique_lock lock(commit_mutex_);
      commit_changed_.wait(lock, [this] { return commit_state_ != CommitState::Given; });
    } else {
      queue_.wait(time_to_timer());
    }
  }
}

bool EngineLoop::apply_queued() {
  queue_.take(taken_);
  for (auto& [command, queued_at] : taken_) {
    const Now at = now();
    auto applied = pipeline_.apply(std::move(command), at, parts_.random);
    parts_.probe.applied(at.boot - queued_at);
    if (!applied) return lose(applied.error()), true;
  }
  const auto due = parts_.engine.next_timer();
  const Now at = now();
  if (due && *due <= at.boot) {
    if (auto ticked = pipeline_.tick(at, parts_.random); !ticked) return lose(ticked.error()), true;
  }
  return !taken_.empty();
}

std::optional<std::chrono::nanoseconds> EngineLoop::time_to_timer() const {
  const auto due = parts_.engine.next_timer();
  if (!due) return std::nullopt;
  return std::max(*due - parts_.clock.boot_now(), std::chrono::nanoseconds(0));
}

/// Takes note of a commit that has ended since the last look.
void EngineLoop::settle_commit() {
  CommitState state{};
  Error error;
  {
    std::lock_guard lock(commit_mutex_);
    state = commit_state_;
    error = commit_error_;
    if (state == CommitState::Done || state == CommitState::Failed) commit_state_ = CommitState::Idle;
  }
  if (state == CommitState::Done) pipeline_.committed();
  if (state == CommitState::Lost) lost_ = true;
  if (state != CommitState::Failed) return;
  auto calls = pipeline_.failed(now(), parts_.random);
  if (!calls) return lose(calls.error());
  for (const CallId call : calls.value()) parts_.replies.answer(call, error);
  parts_.replies.flush();
}

void EngineLoop::give_batch() {
  {
    std::lock_guard lock(commit_mutex_);
    given_ = pipeline_.hand_over();
    commit_state_ = CommitState::Given;
  }
  commit_changed_.notify_all();
}

void EngineLoop::run_committer() {
  while (true) {
    std::shared_ptr<Batch> batch;
    {
      std::unique_lock lock(commit_mutex_);
      commit_changed_.wait(lock, [this] { return commit_state_ == CommitState::Given || stopping_; });
      if (commit_state_ != CommitState::Given) return;
      batch = std::move(given_);
    }
    commit(*batch);
  }
}

void EngineLoop::commit(Batch& batch) {
  Result<void> stored = outcome::success();
  if (!batch.changes.empty()) {
    const auto begin = parts_.clock.boot_now();
    stored = parts_.store.commit(batch.changes);
    parts_.probe.committed(batch.changes.tasks.size(), parts_.clock.boot_now() - begin);
  }
  if (stored) {
    release(batch);
  } else {
    parts_.probe.commit_failed();
    log::error("commit failed", {{"code", name(stored.error().code)}, {"error", stored.error().message}});
    // Only a full disk is certain to have stored nothing.
    if (stored.error().code != Code::ResourceExhausted) return lose(stored.error());
  }
  {
    std::lock_guard lock(commit_mutex_);
    commit_state_ = stored ? CommitState::Done : CommitState::Failed;
    if (!stored) commit_error_ = stored.error();
    if (!batch.changes.empty()) store_fault_ = stored ? "" : stored.error().message;
  }
  commit_changed_.notify_all();
  queue_.wake();
}

void EngineLoop::release(Batch& batch) {
  std::vector<EventPtr> events;
  events.reserve(batch.events.size() + 3);
  for (auto& change : batch.events) events.push_back(std::make_shared<SystemEvent>(std::move(change)));
  const auto& changes = batch.changes;
  if (!changes.rules.empty()) {
    events.push_back(std::make_shared<SystemEvent>(RulesChanged{batch.rules_active, batch.rules_version}));
  }
  if (changes.dispatch) events.push_back(std::make_shared<SystemEvent>(DispatchChanged{*changes.dispatch}));
  if (!changes.outcomes.empty()) {
    events.push_back(std::make_shared<SystemEvent>(OutcomesRecorded{changes.outcomes.size()}));
  }
  for (auto& answer : batch.answers) send(answer);
  if (!batch.answers.empty()) parts_.replies.flush();
  parts_.bus.publish(events);
}

/// The kill switch is looked at here, when an assignment is about to leave, and not only when it was decided.
void EngineLoop::send(Answer& answer) {
  const auto* assigned = std::get_if<Assigned>(&answer.reply);
  if (assigned != nullptr && halted()) {
    queue_.push(Undeliver{assigned->task.spec->id, assigned->token}, parts_.clock.boot_now());
    return parts_.replies.answer(answer.call, NothingToDo{});
  }
  parts_.replies.answer(answer.call, std::move(answer.reply));
}

std::string EngineLoop::store_fault() const {
  std::lock_guard lock(commit_mutex_);
  return store_fault_;
}

void EngineLoop::lose(const Error& error) {
  {
    std::lock_guard lock(commit_mutex_);
    if (commit_state_ == CommitState::Lost) return;
    commit_state_ = CommitState::Lost;
  }
  queue_.close();
  commit_changed_.notify_all();
  fatal_(error);
}

}  // namespace swarm::orchestrator

#include "application/sanity_desk.hpp"

#include "libs/telemetry/logging.hpp"

namespace swarm::analyst::application {

namespace {

bool worth_another_try(const Error& error) {
  return error.code == Code::Unavailable || error.code == Code::DeadlineExceeded || error.code == Code::ResourceExhausted;
}

}  // namespace

SanityDesk::~SanityDesk() { stop(); }

void SanityDesk::start() { thread_ = std::thread([this] { run(); }); }

void SanityDesk::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void SanityDesk::changed() {
  std::lock_guard lock(mutex_);
  pending_ = true;
  wake_.notify_one();
}

std::string SanityDesk::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

void SanityDesk::run() {
  for (bool waiting = true;;) {
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return stopping_ || pending_; };
      if (waiting) wake_.wait_for(lock, options_.poll, ready);
      else wake_.wait(lock, ready);
      if (stopping_) return;
      pending_ = false;
    }
    waiting = look();
  }
}

bool SanityDesk::look() {
  std::map<std::string, Run> still;
  bool waiting = false;
  for (const auto& rule : board_.list({}, {}, domain::RuleState::Proposed)) {
    if (rule.state_reason != domain::kWaitsForSanity) continue;
    waiting = true;
    look_at(rule);
    const auto key = rule.id + "@" + std::to_string(rule.version);
    if (const auto at = runs_.find(key); at != runs_.end()) still.insert(*at);
  }
  runs_ = std::move(still);  // what was decided, changed or forgotten meanwhile goes
  return waiting;
}

void SanityDesk::look_at(const domain::GoldenRule& rule) {
  const auto key = rule.id + "@" + std::to_string(rule.version);
  const auto at = runs_.find(key);
  if (at == runs_.end()) {
    const auto id = runner_.start(rule);
    note(id ? Result<void>(outcome::success()) : Result<void>(id.error()));
    if (id) runs_.emplace(key, Run{id.value(), clock_.boot_now()});
    else if (!worth_another_try(id.error())) conclude(rule, domain::RuleState::Proposed, "sanity run refused: " + id.error().message);
    return;
  }
  const auto verdict = runner_.verdict(at->second.id);
  note(verdict ? Result<void>(outcome::success()) : Result<void>(verdict.error()));
  const bool pending = verdict ? verdict.value() == ports::SanityVerdict::Pending : worth_another_try(verdict.error());
  if (pending) {
    if (clock_.boot_now() - at->second.begun > options_.time)
      conclude(rule, domain::RuleState::Proposed, "nobody took its sanity run in time, task " + at->second.id);
    return;
  }
  if (!verdict || verdict.value() == ports::SanityVerdict::Failed) {
    conclude(rule, domain::RuleState::Proposed, "refused: failed its sanity run, task " + at->second.id);
  } else if (options_.approval) {
    conclude(rule, domain::RuleState::Proposed, "passed its sanity run, waits for approval");
  } else {
    conclude(rule, domain::RuleState::Active, "passed its sanity run, task " + at->second.id);
  }
}

void SanityDesk::conclude(const domain::GoldenRule& rule, domain::RuleState state, std::string reason) {
  log::info("sanity run of a rule ended", {{"rule", rule.id}, {"state", std::string(name(state))}, {"why", reason}});
  RuleChange change;
  change.rule_id = rule.id;
  change.state = state;
  change.reason = std::move(reason);
  change.expected_version = rule.version;  // another text has to be tried on its own
  ledger_.submit(std::move(change), [id = rule.id](const Result<domain::GoldenRule>& done) {
    if (!done) log::warn("sanity verdict not stored", {{"rule", id}, {"error", done.error().message}});
  });
}

void SanityDesk::note(const Result<void>& called) {
  std::lock_guard lock(mutex_);
  if (!called && trouble_.empty()) log::warn("sanity run", {{"error", called.error().message}});
  trouble_ = called ? std::string() : called.error().message;
}

}  // namespace swarm::analyst::application

#include "application/rule_desk.hpp"

#include "domain/rule_check.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::analyst::application {

RuleDesk::RuleDesk(ports::RuleAuthor& author, ports::FailureStore& store, RuleBoard& board, LedgerLoop& ledger, Probe& probe, Limits limits)
    : author_(author), store_(store), board_(board), ledger_(ledger), probe_(probe), limits_(limits) {}

RuleDesk::~RuleDesk() { stop(); }

void RuleDesk::start() { thread_ = std::thread([this] { run(); }); }

void RuleDesk::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void RuleDesk::improve(const domain::Id& kind) {
  std::lock_guard lock(mutex_);
  if (queue_.size() >= limits_.queue_max) return;
  queue_.push_back({kind, trace::copy_of_current()});
  wake_.notify_one();
}

// False when the desk stops.
bool RuleDesk::next(Wish& wish) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stopping_ || !queue_.empty(); };
  if (later_.empty()) {
    wake_.wait(lock, ready);
  } else if (!wake_.wait_for(lock, limits_.later, ready)) {
    queue_.swap(later_);
  }
  if (stopping_) return false;
  wish = queue_.front();
  queue_.pop_front();
  return true;
}

void RuleDesk::run() {
  for (Wish wish; next(wish);) {
    auto pause = limits_.pause;
    bool done = write(wish);
    for (int tried = 1; !done && tried < limits_.tries_max; ++tried, pause *= 2) {
      if (!wait(pause)) return;
      done = write(wish);
    }
    if (!done && later_.size() < limits_.queue_max) later_.push_back(wish);
  }
}

bool RuleDesk::wait(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, pause, [this] { return stopping_; });
  return !stopping_;
}

std::string RuleDesk::fault(const std::string& text, const domain::GoldenRule& rule) const {
  auto found = domain::fault_of_rule(text, rule.cause);
  if (!found.empty()) return found;
  const auto meaning = domain::essence(text);
  for (const auto& other : board_.list(rule.stack, rule.role, domain::RuleState::Active))
    if (other.id != rule.id && domain::essence(other.text) == meaning) return "says the same as rule " + other.id;
  return {};
}

bool RuleDesk::write(const Wish& wish) {
  const auto& kind = wish.kind;
  std::optional<trace::Scope> scope;
  if (wish.trace) scope.emplace(*wish.trace);
  const auto about = store_.kind_text(kind);
  const auto id = domain::rule_id(kind);
  domain::GoldenRule rule;
  for (auto& known : board_.all())
    if (known.id == id) rule = std::move(known);
  if (!about || rule.id.empty()) return true;  // forgotten meanwhile
  if (limits_.proposed_only && rule.state != domain::RuleState::Proposed) return true;
  const auto written = author_.write(about.value(), static_cast<std::int64_t>(rule.evidence.size()));
  if (!written) {
    probe_.author_failed.add();
    log::warn("rule author failed", {{"rule", id}, {"error", written.error().message}});
    const auto code = written.error().code;
    return code != Code::Unavailable && code != Code::DeadlineExceeded && code != Code::ResourceExhausted && code != Code::Unimplemented;
  }
  const auto text = domain::printable(written.value(), domain::kRuleTextMax + 1);
  const auto wrong = fault(text, rule);
  if (!wrong.empty()) {
    probe_.author_bad.add();
    log::warn("rule author's text refused", {{"rule", id}, {"why", wrong}});
    return true;
  }
  RuleChange change;
  change.rule_id = id;
  change.text = text;
  change.author = author_.name();
  if (rule.state == domain::RuleState::Active) change.reason = "written by " + author_.name();
  change.expected_version = rule.version;
  probe_.author_good.add();
  ledger_.submit(std::move(change), [id](const Result<domain::GoldenRule>& done) {
    if (!done) log::warn("rule text not stored", {{"rule", id}, {"error", done.error().message}});
  });
  return true;
}

}  // namespace swarm::analyst::application

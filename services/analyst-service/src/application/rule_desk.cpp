#include "application/rule_desk.hpp"

#include "domain/machine_check.hpp"
#include "domain/rule_check.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::analyst::application {

namespace {

constexpr std::size_t kOtherKinds = 100;  // that a check is tried on

bool worth_another_try(const Error& error) {
  return error.code == Code::Unavailable || error.code == Code::DeadlineExceeded || error.code == Code::ResourceExhausted ||
         error.code == Code::Unimplemented;
}

}  // namespace

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
  queue_.push_back({kind, trace::copy_of_current(), std::nullopt});
  wake_.notify_one();
}

std::optional<std::string> RuleDesk::draft(const domain::KindText& kind, std::int64_t tasks) {
  std::lock_guard lock(mutex_);
  const auto known = drafts_.find(kind.kind);
  if (known != drafts_.end()) return known->second.empty() ? std::nullopt : std::optional(known->second);
  if (queue_.size() >= limits_.queue_max) return std::nullopt;
  // Some old draft makes room: it is worded anew when somebody asks for it.
  if (drafts_.size() >= limits_.drafts_max) drafts_.erase(drafts_.begin());
  drafts_.emplace(kind.kind, std::string());
  queue_.push_back({kind.kind, trace::copy_of_current(), Draft{kind, tasks}});
  wake_.notify_one();
  return std::nullopt;
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

// Nobody has looked at it, and a log may have led the model to it: it must tell this kind from others, and from good work.
std::string RuleDesk::fault_of_check(const std::string& pattern, const domain::Id& kind) const {
  if (!limits_.checks) return "author.checks is off";
  if (auto found = domain::fault_of_unseen_pattern(pattern); !found.empty()) return found;
  if (domain::holds_secret(pattern)) return "holds what looks like a secret";
  const auto known = ledger_.overview(kOtherKinds);
  for (const auto& group : known.groups) {
    if (group.kind == kind) continue;
    const auto other = store_.kind_text(group.kind);
    if (other && (domain::found_in(pattern, other.value().excerpt) || domain::found_in(pattern, other.value().sample)))
      return "fits failures of kind " + domain::text(group.kind) + ", too";
  }
  return {};
}

Result<ports::RuleDraft> RuleDesk::ask(const domain::KindText& about, std::int64_t tasks, const std::string& id) {
  auto written = author_.write(about, tasks);
  if (written) {
    written.value().text = domain::printable(written.value().text, domain::kRuleTextMax + 1);
    return written;
  }
  probe_.author_failed.add();
  log::warn("rule author failed", {{"rule", id}, {"error", written.error().message}});
  return written.error();
}

bool RuleDesk::write_draft(const Wish& wish) {
  const auto& about = wish.draft->about;
  domain::GoldenRule rule;
  rule.id = domain::rule_id(wish.kind);
  rule.stack = about.stack;
  rule.role = about.role;
  rule.cause = about.cause;
  const auto draft = ask(about, wish.draft->tasks, rule.id);
  if (!draft) return !worth_another_try(draft.error());
  if (const auto wrong = fault(draft.value().text, rule); !wrong.empty()) {
    probe_.author_bad.add();
    log::warn("rule author's draft refused", {{"rule", rule.id}, {"why", wrong}});
    return true;
  }
  probe_.author_good.add();
  std::lock_guard lock(mutex_);
  const auto place = drafts_.find(wish.kind);
  if (place != drafts_.end()) place->second = draft.value().text;
  return true;
}

bool RuleDesk::write(const Wish& wish) {
  const auto& kind = wish.kind;
  std::optional<trace::Scope> scope;
  if (wish.trace) scope.emplace(*wish.trace);
  if (wish.draft) return write_draft(wish);
  const auto about = store_.kind_text(kind);
  const auto id = domain::rule_id(kind);
  const auto known = board_.find(id);
  if (!about || !known) return true;  // forgotten meanwhile
  const auto& rule = *known;
  if (limits_.proposed_only && rule.state != domain::RuleState::Proposed) return true;
  const auto draft = ask(about.value(), static_cast<std::int64_t>(rule.evidence.size()), id);
  if (!draft) return !worth_another_try(draft.error());
  const auto wrong = fault(draft.value().text, rule);
  if (!wrong.empty()) {
    probe_.author_bad.add();
    log::warn("rule author's text refused", {{"rule", id}, {"why", wrong}});
    return true;
  }
  RuleChange change;
  change.rule_id = id;
  change.text = draft.value().text;
  if (const auto& pattern = draft.value().must_not_match; !pattern.empty() && rule.must_not_match.empty()) {
    const auto useless = fault_of_check(pattern, kind);
    (useless.empty() ? probe_.checks_good : probe_.checks_bad).add();
    if (useless.empty()) change.must_not_match = pattern;
    else log::warn("rule author's check refused", {{"rule", id}, {"why", useless}});
  }
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

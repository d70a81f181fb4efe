#include "application/failure_intake.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include "domain/log_lines.hpp"
#include "domain/rule_check.hpp"
#include "libs/knowledge/vocabulary.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::analyst::application {
namespace {

constexpr std::chrono::milliseconds kPauseMax{10'000};
constexpr std::chrono::seconds kAnswerPatience{30};
constexpr std::size_t kTextShown = 400;
constexpr std::size_t kSampleShown = 300;  // as for reports of agents: splits look at it
constexpr std::size_t kExcerptBytes = 2'000;
constexpr std::size_t kMarksAtOnce = 1'000;
constexpr std::size_t kCountedAtOnce = 2'000;  // well below what the ledger lets wait, which others need too

/// Answers of one page, which may come after nobody waits for them any more.
struct Tally {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t missing = 0;
  std::vector<std::pair<std::string, domain::Id>> counted;
  std::optional<Error> failed;
};

double milliseconds_of(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

void tell(const FailureIntake::Intake& intake) {
  log::info("failures taken in from the knowledge store", {{"count", intake.fresh},
                                                           {"blank", intake.blank},
                                                           {"asked_ms", milliseconds_of(intake.asked_for)},
                                                           {"counted_ms", milliseconds_of(intake.counted_for)}});
}

/// Task and attempt of an execution that an orchestrator of ours wrote down: …/execution/{task}/{attempt}.
bool own_execution(std::string_view iri, std::string& task, std::int64_t& attempt) {
  if (!iri.starts_with(knowledge::kOwnExecutions)) return false;
  iri.remove_prefix(knowledge::kOwnExecutions.size());
  const auto slash = iri.rfind('/');
  if (slash == iri.npos) return false;
  const auto number = iri.substr(slash + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), attempt);
  if (error != std::errc() || end != number.data() + number.size() || attempt < 1) return false;
  task = knowledge::percent_decode(iri.substr(0, slash));
  return true;
}

}  // namespace

FailureIntake::FailureIntake(knowledge::FailureRecords& records, knowledge::Knowledge& marks, Analyzers& analyzers,
                             LedgerLoop& ledger, Options options)
    : records_(records), marks_(marks), analyzers_(analyzers), ledger_(ledger), options_(options) {}

FailureIntake::~FailureIntake() { stop(); }

void FailureIntake::start() {
  thread_ = std::thread([this] { run(); });
}

void FailureIntake::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FailureIntake::run() {
  auto pause = options_.interval;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const auto found = poll();
    if (found && (found.value().fresh > 0 || found.value().blank > 0)) tell(found.value());
    pause = found ? options_.interval : std::min(std::max(pause, options_.interval) * 2, std::max(kPauseMax, options_.interval));
    lock.lock();
    wake_.wait_for(lock, pause, [this] { return stopping_; });
  }
}

Result<FailureIntake::Intake> FailureIntake::poll() {
  using Clock = std::chrono::steady_clock;
  Intake intake;
  for (std::string after;;) {
    const auto begun = Clock::now();
    BOOST_OUTCOME_TRY(auto page, records_.unconsolidated(after, options_.page));
    const auto answered = Clock::now();
    intake.asked_for += answered - begun;
    const bool last = page.size() < options_.page;
    if (!page.empty()) after = page.back().execution;
    std::erase_if(page, [this](const auto& record) { return open_.contains(record.execution); });
    intake.blank += std::erase_if(page, [this](const auto& record) { return sets_aside(record); });
    intake.fresh += page.size();
    for (std::span<const knowledge::FailureRecord> rest = page; !rest.empty();) {
      const auto part = rest.first(std::min(rest.size(), kCountedAtOnce));
      BOOST_OUTCOME_TRY(count(part));
      rest = rest.subspan(part.size());
    }
    intake.counted_for += Clock::now() - answered;
    if (last) break;
  }
  BOOST_OUTCOME_TRY(mark_settled());
  return intake;
}

/// Returns when all of the page is durable in the ledger.
Result<void> FailureIntake::count(std::span<const knowledge::FailureRecord> page) {
  const auto tally = std::make_shared<Tally>();
  tally->missing = page.size();
  for (const auto& record : page) {
    ledger_.submit(report_of(record), [tally, execution = record.execution](Result<FailureAnswer> answer) {
      std::lock_guard lock(tally->mutex);
      if (answer) tally->counted.emplace_back(execution, answer.value().group.kind);
      if (!answer) tally->failed = answer.error();
      if (--tally->missing == 0) tally->changed.notify_all();
    });
  }
  std::unique_lock lock(tally->mutex);
  const bool all = tally->changed.wait_for(lock, kAnswerPatience, [&] { return tally->missing == 0; });
  for (auto& [execution, kind] : tally->counted) {
    if (open_.size() < options_.open_max) open_.emplace(std::move(execution), kind);
  }
  if (tally->failed) return *tally->failed;
  return all ? Result<void>(outcome::success()) : Error{Code::DeadlineExceeded, "the ledger does not answer"};
}

// There is nothing to group by in it, and nothing that would ever mark it.
bool FailureIntake::sets_aside(const knowledge::FailureRecord& record) {
  if (!domain::is_blank_log(knowledge::message_of_note(record.note))) return false;
  if (open_.size() < options_.open_max) open_.emplace(record.execution, domain::Id{});
  return true;
}

FailureReport FailureIntake::report_of(const knowledge::FailureRecord& record) {
  const auto message = knowledge::message_of_note(record.note);
  return analyzers_.with([&](domain::Analyzer& analyzer) {
    const auto analysis = analyzer.analyse({record.role, record.stack, message});
    FailureReport report;
    report.kind = {analysis.kind, record.role, record.stack, analysis.family, domain::printable(analysis.cause, kTextShown),
                   domain::printable(analysis.sample, kSampleShown), domain::printable(message, kExcerptBytes)};
    report.place = analysis.place;
    report.agent_id = knowledge::name_of_iri(record.agent);
    if (!own_execution(record.execution, report.task_id, report.attempt)) {
      // Agents of others name no task: each of their executions counts as one.
      report.task_id = record.execution;
      report.event_id = record.execution;
    }
    return report;
  });
}

Result<void> FailureIntake::mark_settled() {
  std::vector<knowledge::Statement> marks;
  for (const auto& [execution, kind] : open_) {
    const bool ready = ledger_.has_rule(kind) && (!options_.rule_stored || options_.rule_stored(kind));
    if (marks.size() < kMarksAtOnce && ready) marks.push_back(knowledge::consolidation_mark(execution));
  }
  if (marks.empty()) return outcome::success();
  BOOST_OUTCOME_TRY(marks_.add(marks));
  for (const auto& mark : marks) open_.erase(mark.subject);
  return marks.size() == kMarksAtOnce ? mark_settled() : Result<void>(outcome::success());
}

}  // namespace swarm::analyst::application

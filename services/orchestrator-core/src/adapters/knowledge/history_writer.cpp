#include "adapters/knowledge/history_writer.hpp"

#include <charconv>
#include <utility>

#include "libs/knowledge/records.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::knowledge_store {
namespace {

constexpr std::string_view kMark = "changes";
constexpr std::size_t kChangesAtOnce = 500;
constexpr std::size_t kPagesAtStop = 20;
constexpr std::chrono::milliseconds kRetry{500};

void append(std::vector<knowledge::Statement>& out, std::vector<knowledge::Statement> more) {
  out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

knowledge::Execution execution_of(const ToldChange& change) {
  const auto& ended = *change.ended;
  knowledge::Execution run;
  run.task = text(change.task);
  run.attempt = ended.attempt;
  run.agent = ended.agent;
  run.role = ended.role;
  run.task_type = ended.workflow_state.empty() ? "Task" : ended.workflow_state;
  run.stack = change.stack;
  run.success = ended.success;
  run.note = ended.note;
  run.at = change.at;
  return run;
}

}  // namespace

HistoryWriter::HistoryWriter(EventBus& bus, ChangeFeed& feed, knowledge::Outbox& outbox, CommonKnowledge& common, metrics::Registry& registry)
    : feed_(feed),
      outbox_(outbox),
      common_(common),
      dropped_(registry.counter("swarm_orchestrator_changes_untold_total",
                                "Changes of tasks that the common knowledge was never told: more waited than limits.untold_changes.")),
      subscription_(bus.subscribe("common knowledge", 1, Overflow::DropOldest)) {}

HistoryWriter::~HistoryWriter() { stop(); }

Result<void> HistoryWriter::resume() {
  BOOST_OUTCOME_TRY(const auto mark, outbox_.marked(std::string(kMark)));
  if (mark) std::from_chars(mark->data(), mark->data() + mark->size(), told_);
  feed_.told(told_);
  return outcome::success();
}

void HistoryWriter::start() {
  thread_ = std::thread([this] { run(); });
}

void HistoryWriter::stop() {
  subscription_->close();
  interrupt_.stop();
  if (thread_.joinable()) thread_.join();
}

void HistoryWriter::run() {
  std::vector<EventPtr> events;
  std::uint64_t missed = 0;
  std::size_t left = kPagesAtStop;
  do {
    while (left > 0 && tell_some()) left -= interrupt_.stopped() ? 1 : 0;
  } while (subscription_->take(events, missed));
}

bool HistoryWriter::tell_some() {
  const auto page = feed_.changes(told_, told_ < singly_to_ ? 1 : kChangesAtOnce);
  if (!page) {
    if (!std::exchange(unreadable_, true))
      log::error("changes of tasks can't be read, the common knowledge is not told of them", {{"error", page.error().message}});
    return interrupt_.wait(kRetry);
  }
  if (std::exchange(unreadable_, false)) log::info("changes of tasks can be read again");
  if (page.value().changes.empty()) return false;
  if (const auto first = page.value().first; first > told_ + 1) {
    log::error("changes of tasks are missing in the common knowledge", {{"missed", first - told_ - 1}});
    dropped_.add(first - told_ - 1);
  }
  return tell(page.value());
}

bool HistoryWriter::tell(const ChangeFeed::Page& page) {
  std::vector<knowledge::Statement> statements;
  for (const auto& change : page.changes) append(statements, statements_of(change));
  const auto last = page.first + page.changes.size() - 1;
  const knowledge::Journal::Mark mark{std::string(kMark), std::to_string(last)};
  for (bool said = false;;) {
    const auto added = outbox_.append(statements, mark);
    if (added) break;
    if (added.error().code == Code::InvalidArgument && page.changes.size() > 1) {
      singly_to_ = last;
      return true;
    }
    if (!said) log::error("the journal of the common knowledge takes nothing", {{"error", added.error().message}});
    said = true;
    if (added.error().code == Code::InvalidArgument) {
      dropped_.add();
      statements.clear();
    } else if (!interrupt_.wait(kRetry)) {
      return false;
    }
  }
  told_ = last;
  feed_.told(told_);
  return true;
}

std::vector<knowledge::Statement> HistoryWriter::statements_of(const ToldChange& change) {
  if (change.task.empty()) {
    if (change.by == kByCommonKnowledge) return {};  // it came from there
    return knowledge::control_statements("orchestrator-" + std::to_string(unix_ms(change.at)), change.halted, change.at);
  }
  if (change.created) common_.stack_in_use(change.stack);
  auto out = knowledge::task_state_statements(text(change.task), change.version, name(change.status), change.reason, change.at);
  if (change.ended) append(out, knowledge::execution_statements(execution_of(change)));
  return out;
}

}  // namespace swarm::orchestrator::knowledge_store

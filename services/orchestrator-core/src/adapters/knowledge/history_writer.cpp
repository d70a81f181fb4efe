#include "adapters/knowledge/history_writer.hpp"

#include <algorithm>

#include "domain/text_cut.hpp"
#include "libs/knowledge/records.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::knowledge_store {
namespace {

constexpr std::size_t kRing = 65'536;
constexpr std::size_t kStatementsAtOnce = 4'000;
constexpr std::size_t kNoteBytesMax = 16u << 10;
constexpr std::chrono::milliseconds kRetry{500};

bool held(TaskStatus status) { return status == TaskStatus::Leased || status == TaskStatus::Running; }

}  // namespace

HistoryWriter::HistoryWriter(EventBus& bus, const TaskStore& store, knowledge::Knowledge& history, CommonKnowledge& common)
    : store_(store),
      history_(history),
      common_(common),
      subscription_(bus.subscribe("common knowledge", kRing, Overflow::DropOldest)) {}

HistoryWriter::~HistoryWriter() { stop(); }

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
  while (subscription_->take(events, missed)) {
    if (missed > 0) log::error("changes of tasks are missing in the common knowledge", {{"missed", missed}});
    std::vector<knowledge::Statement> statements;
    for (const auto& event : events) {
      describe(*event, statements);
      if (statements.size() < kStatementsAtOnce) continue;
      write(statements);
      statements.clear();
    }
    write(statements);
  }
}

void HistoryWriter::describe(const SystemEvent& event, std::vector<knowledge::Statement>& out) {
  if (const auto* dispatch = std::get_if<DispatchChanged>(&event)) {
    const auto& state = dispatch->state;
    if (state.by == kByCommonKnowledge) return;  // it came from there
    const auto id = "orchestrator-" + std::to_string(unix_ms(state.since));
    const auto statements = knowledge::control_statements(id, state.halted, state.since);
    out.insert(out.end(), statements.begin(), statements.end());
  }
  const auto* change = std::get_if<TaskChanged>(&event);
  if (change == nullptr) return;
  const auto& spec = *change->task.spec;
  const auto& state = *change->task.state;
  if (change->created) common_.stack_in_use(spec.stack);
  const auto statements =
      knowledge::task_state_statements(text(spec.id), state.version, name(state.status), state.reason, state.updated);
  out.insert(out.end(), statements.begin(), statements.end());
  if (held(change->from) && !held(state.status)) describe_attempt(*change, out);
}

/// Attempts that count: a task that was parked or requeued has had none.
void HistoryWriter::describe_attempt(const TaskChanged& change, std::vector<knowledge::Statement>& out) {
  const auto& spec = *change.task.spec;
  const auto& state = *change.task.state;
  if (state.attempts_counted < state.attempt) return;
  const auto texts = store_.texts(spec, state);
  if (!texts) return;
  const auto& feedback = texts.value().feedback;
  const auto own = std::find_if(feedback.rbegin(), feedback.rend(), [&](const Feedback& f) { return f.attempt == state.attempt; });
  knowledge::Execution run;
  run.task = text(spec.id);
  run.attempt = state.attempt;
  run.agent = state.lease.agent;
  run.role = own == feedback.rend() ? state.role : own->role;
  run.task_type = state.workflow_state.empty() ? "Task" : state.workflow_state;
  run.stack = spec.stack;
  run.success = own == feedback.rend() ? state.status == TaskStatus::Succeeded : own->status == "success";
  run.note = own == feedback.rend() ? state.reason : std::string(utf8_prefix(own->text, kNoteBytesMax));
  run.at = state.updated;
  const auto statements = knowledge::execution_statements(run);
  out.insert(out.end(), statements.begin(), statements.end());
}

void HistoryWriter::write(const std::vector<knowledge::Statement>& statements) {
  if (statements.empty()) return;
  for (bool said = false;;) {
    const auto added = history_.add(statements);
    if (added) return;
    if (!said) log::error("the journal of the common knowledge takes nothing", {{"error", added.error().message}});
    said = true;
    if (added.error().code == Code::InvalidArgument || !interrupt_.wait(kRetry)) return;
  }
}

}  // namespace swarm::orchestrator::knowledge_store

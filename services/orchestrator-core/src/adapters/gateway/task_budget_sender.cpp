#include "adapters/gateway/task_budget_sender.hpp"

#include <grpcpp/client_context.h>

#include "libs/telemetry/logging.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::orchestrator::gateway_client {
namespace {

constexpr std::size_t kRing = 4'096;
constexpr std::size_t kWaitingMax = 100'000;
constexpr std::chrono::seconds kDeadline{2};
constexpr std::chrono::milliseconds kRetry{500};

bool is_retryable(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

}  // namespace

TaskBudgetSender::TaskBudgetSender(std::shared_ptr<grpc::Channel> channel, const TaskStore& store, EventBus& bus)
    : channel_(std::move(channel)),
      store_(store),
      // What is dropped while the gateway is away is found in the store again.
      subscription_(bus.subscribe("task budgets", kRing, Overflow::DropOldest)) {}

TaskBudgetSender::~TaskBudgetSender() { stop(); }

void TaskBudgetSender::start() {
  thread_ = std::thread([this] { run(); });
}

void TaskBudgetSender::stop() {
  interrupt_.stop();
  subscription_->close();
  if (thread_.joinable()) thread_.join();
}

void TaskBudgetSender::run() {
  std::vector<EventPtr> events;
  std::uint64_t missed = 0;
  collect_live();
  while (true) {
    while (!send_waiting()) {
      if (!interrupt_.wait(kRetry)) return;
    }
    if (!subscription_->take(events, missed) || interrupt_.stopped()) return;
    if (missed > 0) collect_live();
    for (const auto& event : events) {
      const auto* change = std::get_if<TaskChanged>(event.get());
      if (change == nullptr) continue;
      if (change->created) collect(change->task, When::Submitted);
      if (is_final(change->task.state->status)) collect(change->task, When::Ended);
    }
  }
}

void TaskBudgetSender::collect_live() {
  TaskFilter filter;
  filter.live_only = filter.with_budget = true;
  filter.limit = 1'000;
  do {
    const auto page = store_.list(filter);
    if (!page) return log::error("the budgets of live tasks can't be read", {{"error", page.error().message}});
    for (const auto& item : page.value().items) collect(item.task, When::Lives);
    filter.before = page.value().next_before;
  } while (filter.before != 0 && waiting_.size() < kWaitingMax && !interrupt_.stopped());
}

void TaskBudgetSender::collect(const StoredTask& task, When when) {
  const auto* terms = task.spec->terms.get();
  if (terms == nullptr || terms->budget_nanos == 0) return;
  if (waiting_.size() >= kWaitingMax) return log::error("too many budgets of tasks wait for the gateway", {{"task", text(task.spec->id)}});
  waiting_.push_back({task.spec->id, terms->budget_nanos, when});
}

grpc::Status TaskBudgetSender::send(const Waiting& waiting) {
  const auto stub = llm_gateway::BudgetControl::NewStub(channel_);
  const auto deadline = std::chrono::system_clock::now() + kDeadline;
  if (waiting.when == When::Lives) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    llm_gateway::Empty scope;
    scope.set_scope("task/" + text(waiting.task));
    llm_gateway::SpendReport report;
    const auto status = stub->GetCurrentSpend(&context, scope, &report);
    const bool limited = status.ok() && !report.unlimited();
    if (limited || is_retryable(status)) return status;
  }
  llm_gateway::TaskBudget budget;
  budget.set_task_id(text(waiting.task));
  budget.set_limit(static_cast<double>(waiting.nanos) * 1e-9);
  budget.set_ended(waiting.when == When::Ended);
  grpc::ClientContext context;
  context.set_deadline(deadline);
  llm_gateway::Ack ack;
  return stub->SetTaskBudget(&context, budget, &ack);
}

bool TaskBudgetSender::send_waiting() {
  for (; !waiting_.empty() && !interrupt_.stopped(); waiting_.pop_front()) {
    const auto status = send(waiting_.front());
    if (is_retryable(status)) return false;
    if (status.ok()) continue;
    log::error("the gateway refused a task's budget",
               {{"task", text(waiting_.front().task)}, {"error", status.error_message()}});
  }
  return true;
}

}  // namespace swarm::orchestrator::gateway_client

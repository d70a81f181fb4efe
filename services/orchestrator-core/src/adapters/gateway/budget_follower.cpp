#include "adapters/gateway/budget_follower.hpp"

#include <grpcpp/client_context.h>

#include <algorithm>

#include "libs/telemetry/logging.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::orchestrator::gateway_client {
namespace {

constexpr std::chrono::milliseconds kBackoffFirst{50};
constexpr std::chrono::milliseconds kBackoffMax{1'000};
constexpr std::chrono::seconds kSnapshotDeadline{5};
constexpr std::size_t kHeardMax = 500'000;

/// Budgets of keys are not a task's: which key an agent uses is not known here.
bool concerns_tasks(const std::string& scope) {
  return scope == "global" || scope.rfind("team/", 0) == 0 || scope.rfind("task/", 0) == 0;
}

}  // namespace

BudgetFollower::BudgetFollower(std::shared_ptr<grpc::Channel> channel, EngineLoop& loop, Probe& probe, BudgetPolicy policy)
    : channel_(std::move(channel)), loop_(loop), probe_(probe), policy_(policy) {}

BudgetFollower::~BudgetFollower() { stop(); }

void BudgetFollower::start() {
  thread_ = std::thread([this] { run(); });
}

void BudgetFollower::stop() {
  interrupt_.stop();
  context_.with([](grpc::ClientContext* context) {
    if (context != nullptr) context->TryCancel();
  });
  if (thread_.joinable()) thread_.join();
}

std::string BudgetFollower::detail() const {
  return detail_.with([](const std::string& text) { return text; });
}

void BudgetFollower::set_context(grpc::ClientContext* context) {
  context_.with([&](grpc::ClientContext*& current) { current = context; });
  if (context != nullptr && interrupt_.stopped()) context->TryCancel();
}

void BudgetFollower::run() {
  auto backoff = kBackoffFirst;
  do {
    const std::string ended = follow();
    if (interrupt_.stopped()) return;
    const bool was_connected = connected_.exchange(false);
    probe_.gateway_connected(false);
    detail_.with([&](std::string& text) { text = ended; });
    if (was_connected) log::warn("the gateway's budgets are not heard of any more, trying again", {{"error", ended}});
    if (was_connected && policy_.forget_when_away) loop_.submit(PutBudgets{true, {}});
    backoff = was_connected ? kBackoffFirst : std::min(backoff * 2, kBackoffMax);
  } while (interrupt_.wait(backoff));
}

/// One connection's life; returns why it ended.
std::string BudgetFollower::follow() {
  grpc::ClientContext context;
  auto stub = llm_gateway::BudgetControl::NewStub(channel_);
  // The stream is opened before the snapshot is taken, so that no change falls between them.
  const auto reader = stub->WatchScopes(&context, llm_gateway::ScopeQuery());
  std::string fault = take_snapshot();
  set_context(&context);
  if (fault.empty()) {
    connected_ = true;
    probe_.gateway_connected(true);
    detail_.with([](std::string& text) { text = "following budgets"; });
    log::info("following the gateway's budgets");
  } else {
    context.TryCancel();
  }
  llm_gateway::ScopeEvent event;
  while (fault.empty() && reader->Read(&event)) {
    if (!concerns_tasks(event.scope().scope())) continue;
    bool changed = false;
    BudgetNews news = to_news(event.scope(), changed);
    if (changed && !loop_.submit(PutBudgets{false, {std::move(news)}})) {
      // The next connection's snapshot brings it again.
      fault = "the command queue is full";
      context.TryCancel();
    }
  }
  const grpc::Status status = reader->Finish();
  set_context(nullptr);
  if (!fault.empty()) return fault;
  return status.ok() ? "the gateway ended the stream" : status.error_message();
}

std::string BudgetFollower::take_snapshot() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kSnapshotDeadline);
  set_context(&context);
  llm_gateway::ScopeList list;
  const auto status = llm_gateway::BudgetControl::NewStub(channel_)->ListScopes(&context, llm_gateway::ScopeQuery(), &list);
  set_context(nullptr);
  if (!status.ok()) return status.error_message().empty() ? "no answer" : status.error_message();
  if (heard_.size() > kHeardMax) heard_.clear();
  PutBudgets command{true, {}};
  for (const auto& report : list.scopes()) {
    bool changed = false;
    if (concerns_tasks(report.scope())) command.news.push_back(to_news(report, changed));
  }
  std::erase_if(command.news, [](const BudgetNews& news) { return !news.dry && !news.refilled; });
  return loop_.submit(std::move(command)) ? "" : "the command queue is full";
}

BudgetNews BudgetFollower::to_news(const llm_gateway::SpendReport& report, bool& changed) {
  BudgetNews out;
  out.scope = report.scope();
  out.window = report.window();
  out.dry = !report.unlimited() && (report.state() == "blocked" || (policy_.dry_at_protected && report.state() == "protected"));
  if (report.resets_unix_ms() > 0) out.resets = WallTime(std::chrono::milliseconds(report.resets_unix_ms()));
  const std::string key = out.scope + ' ' + out.window;
  const Heard now{report.limit(), report.current_spend(), report.unlimited(), out.dry, out.resets};
  const auto before = heard_.find(key);
  if (before != heard_.end()) {
    out.refilled = now.limit > before->second.limit || now.spent < before->second.spent || (now.unlimited && !before->second.unlimited);
    changed = out.refilled || now.dry != before->second.dry || (now.dry && now.resets != before->second.resets);
    before->second = now;
  } else {
    changed = now.dry;
    if (heard_.size() < kHeardMax) heard_.emplace(key, now);
  }
  return out;
}

}  // namespace swarm::orchestrator::gateway_client

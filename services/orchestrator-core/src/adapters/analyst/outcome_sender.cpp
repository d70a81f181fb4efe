#include "adapters/analyst/outcome_sender.hpp"

#include <grpcpp/client_context.h>

#include <algorithm>

#include "libs/telemetry/logging.hpp"
#include "protos/analyst.grpc.pb.h"

namespace swarm::orchestrator::analyst_client {
namespace {

constexpr std::size_t kBatch = 500;
constexpr std::chrono::seconds kDeadline{5};
constexpr std::chrono::milliseconds kBackoffFirst{100};
constexpr std::chrono::milliseconds kBackoffMax{1'000};

void fill(analyst::Outcome& out, const Outcome& in) {
  out.set_task_id(text(in.task));
  out.set_attempt(in.attempt);
  out.set_stack(in.stack);
  out.set_role(in.role);
  for (const auto& id : in.rules_given) out.add_rules_given(id);
  for (const auto& id : in.rules_held_out) out.add_rules_held_out(id);
  out.set_outcome(in.success ? "success" : "failure");
  out.set_at_unix_ms(unix_ms(in.at));
}

bool has_outcomes(const std::vector<EventPtr>& events) {
  return std::any_of(events.begin(), events.end(),
                     [](const auto& event) { return std::holds_alternative<OutcomesRecorded>(*event); });
}

}  // namespace

OutcomeSender::OutcomeSender(std::shared_ptr<grpc::Channel> channel, EngineLoop& loop, const TaskStore& store,
                             EventBus& bus)
    : channel_(std::move(channel)),
      loop_(loop),
      store_(store),
      // The events only wake the sender, the store holds what is sent: dropped ones lose nothing.
      subscription_(bus.subscribe("outcomes", 4096, Overflow::DropOldest)) {}

OutcomeSender::~OutcomeSender() { stop(); }

void OutcomeSender::start() {
  thread_ = std::thread([this] { run(); });
}

void OutcomeSender::stop() {
  interrupt_.stop();
  subscription_->close();
  if (thread_.joinable()) thread_.join();
}

void OutcomeSender::run() {
  std::vector<EventPtr> events;
  std::uint64_t missed = 0;
  auto backoff = kBackoffFirst;
  bool look = true;  // something may be left from before the start
  while (!interrupt_.stopped()) {
    while (look && !interrupt_.stopped()) {
      const auto sent = send_some();
      look = !sent || *sent > 0;
      if (sent) {
        backoff = kBackoffFirst;
      } else {
        interrupt_.wait(backoff);
        backoff = std::min(backoff * 2, kBackoffMax);
      }
    }
    if (!subscription_->take(events, missed)) return;
    look = missed > 0 || has_outcomes(events);
  }
}

std::optional<std::size_t> OutcomeSender::send_some() {
  auto outcomes = store_.outcomes(kBatch);
  if (!outcomes) {
    log::error("the outbox can't be read", {{"error", outcomes.error().message}});
    return std::nullopt;
  }
  // What was delivered a moment ago may still stand there until its erasure is committed.
  std::erase_if(outcomes.value(), [this](const Outcome& o) { return o.sequence <= delivered_; });
  if (outcomes.value().empty()) return 0;
  analyst::OutcomeReport report;
  for (const auto& entry : outcomes.value()) fill(*report.add_outcomes(), entry);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  analyst::Ack ack;
  const auto status = analyst::Analyst::NewStub(channel_)->ReportOutcomes(&context, report, &ack);
  // A report that the analyst can't read would be refused for ever and block all that follow.
  const bool refused = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT;
  if (refused) log::error("the analyst refused outcomes, they are dropped", {{"error", status.error_message()}});
  if (!status.ok() && !refused) return std::nullopt;
  const std::uint64_t last = outcomes.value().back().sequence;
  if (!loop_.submit(OutcomesDelivered{last})) return std::nullopt;
  delivered_ = last;
  return outcomes.value().size();
}

}  // namespace swarm::orchestrator::analyst_client

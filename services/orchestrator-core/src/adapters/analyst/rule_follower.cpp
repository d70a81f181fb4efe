#include "adapters/analyst/rule_follower.hpp"

#include <grpcpp/client_context.h>

#include <algorithm>

#include "libs/telemetry/logging.hpp"
#include "protos/analyst.grpc.pb.h"

namespace swarm::orchestrator::analyst_client {
namespace {

constexpr std::chrono::milliseconds kBackoffFirst{50};
constexpr std::chrono::milliseconds kBackoffMax{1'000};
constexpr std::size_t kRuleBytesMax = 16u << 10;

GoldenRule to_rule(const analyst::GoldenRule& in) {
  GoldenRule out;
  out.id = in.rule_id();
  out.stack = in.stack();
  out.role = in.role();
  out.text = in.text();
  out.active = in.state() == "active" && in.text().size() <= kRuleBytesMax;
  out.effect_ppm = static_cast<std::int64_t>(std::clamp(in.effect(), -1e6, 1e6) * 1e6);
  out.version = in.version();
  out.must_not_match = in.must_not_match();
  out.must_match = in.must_match();
  return out;
}

}  // namespace

RuleFollower::RuleFollower(std::shared_ptr<grpc::Channel> channel, EngineLoop& loop, Probe& probe, RuleChecks& checks, std::uint64_t from_version)
    : channel_(std::move(channel)), loop_(loop), probe_(probe), checks_(checks), version_(from_version) {}

RuleFollower::~RuleFollower() { stop(); }

void RuleFollower::start() {
  thread_ = std::thread([this] { run(); });
}

void RuleFollower::stop() {
  interrupt_.stop();
  context_.with([](grpc::ClientContext* context) {
    if (context != nullptr) context->TryCancel();
  });
  if (thread_.joinable()) thread_.join();
}

std::string RuleFollower::detail() const {
  return detail_.with([](const std::string& text) { return text; });
}

void RuleFollower::run() {
  auto backoff = kBackoffFirst;
  do {
    const std::uint64_t before = version_;
    const std::string ended = follow();
    if (interrupt_.stopped()) return;
    const bool was_connected = connected_.exchange(false);
    probe_.analyst_connected(false);
    detail_.with([&](std::string& text) { text = ended; });
    if (was_connected) log::warn("the analyst's rule stream ended, trying again", {{"error", ended}});
    backoff = was_connected || version_ != before ? kBackoffFirst : std::min(backoff * 2, kBackoffMax);
  } while (interrupt_.wait(backoff));
}

/// One connection's life; returns why it ended.
std::string RuleFollower::follow() {
  grpc::ClientContext context;
  context_.with([&](grpc::ClientContext*& current) { current = &context; });
  if (interrupt_.stopped()) context.TryCancel();
  analyst::WatchRulesRequest request;
  request.set_from_version(version_);
  auto stub = analyst::Analyst::NewStub(channel_);
  auto reader = stub->WatchGoldenRules(&context, request);
  analyst::RuleEvent event;
  while (reader->Read(&event)) {
    if (event.kind() == "synced") {
      connected_ = true;
      probe_.analyst_connected(true);
      detail_.with([&](std::string& text) { text = "following golden rules"; });
      log::info("following the analyst's golden rules", {{"version", event.version()}});
    } else if (event.has_rule()) {
      // When the queue is full the version is not taken note of, so the rule comes again with the next connection.
      auto rule = to_rule(event.rule());
      checks_.put(rule);
      if (!loop_.submit(PutRules{{std::move(rule)}})) {
        context.TryCancel();
        break;
      }
    }
    version_ = std::max(version_, event.version());
  }
  const grpc::Status status = reader->Finish();
  context_.with([](grpc::ClientContext*& current) { current = nullptr; });
  return status.ok() ? "the analyst ended the stream" : status.error_message();
}

}  // namespace swarm::orchestrator::analyst_client

#include "libs/rpc/audit_trail.hpp"

#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/server_context.h>

#include <algorithm>

#include "libs/telemetry/logging.hpp"

namespace swarm::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

constexpr double kDenialsBurst = 50;
constexpr double kDenialsPerSecond = 1;
constexpr std::int64_t kTextMax = 1000;

std::string one_line(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetTruncateStringFieldLongerThan(kTextMax);
  std::string text;
  printer.PrintToString(message, &text);
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

class AuditOneCall final : public grpc::experimental::Interceptor {
 public:
  AuditOneCall(AuditTrail& trail, const grpc::ServerContextBase& context) : trail_(trail), context_(context) {}
  ~AuditOneCall() override { trail_.answered(context_, code_); }

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      if (const auto* message = static_cast<const google::protobuf::Message*>(batch->GetRecvMessage())) trail_.asked(context_, one_line(*message));
    }
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const auto code = batch->GetSendStatus().error_code();
      code_ = code == grpc::StatusCode::OK ? std::string_view("OK") : name(static_cast<Code>(code));
    }
    batch->Proceed();
  }

 private:
  AuditTrail& trail_;
  const grpc::ServerContextBase& context_;
  std::string_view code_ = "CANCELLED";  // a call that sends no status was cancelled
};

}  // namespace

AuditTrail::AuditTrail(std::unique_ptr<audit::Log> log, metrics::Registry& registry, const Clock& clock)
    : log_(std::move(log)), registry_(registry), clock_(clock) {
  registry_.counter("swarm_audit_failures_total", "Lines that the audit log could not take.");
  registry_.gauge_callback("swarm_audit_line", "Number of the newest line of the audit log.", {},
                           [this] { return static_cast<double>(log_->newest().number); });
}

Result<audit::Link> AuditTrail::append(std::string_view event, audit::Fields fields, audit::Durability durability) {
  auto link = log_->append(event, fields, durability);
  if (link) return link;
  registry_.counter("swarm_audit_failures_total", "").add();
  log::error("the audit log could not take a line", {{"event", event}, {"error", link.error().message}});
  return link;
}

Result<void> AuditTrail::acting(const grpc::ServerContextBase& context, std::string_view method, const auth::Principal& who) {
  const std::string request = calls_.with([&](auto& calls) {
    const auto call = calls.find(&context);
    return call == calls.end() ? std::string() : call->second.request;
  });
  BOOST_OUTCOME_TRY(const auto link, append("action",
                                            {{"actor", who.subject}, {"role", name(who.role)}, {"team", who.team}, {"peer", context.peer()},
                                             {"method", method}, {"request", request}},
                                            audit::Durability::OnDisk));
  calls_.with([&](auto& calls) {
    if (const auto call = calls.find(&context); call != calls.end()) call->second.number = link.number;
  });
  // Whoever collects the logs holds a witness of the chain.
  log::info("audit", {{"seq", link.number}, {"hash", link.hash}, {"actor", who.subject}, {"method", method}});
  return outcome::success();
}

void AuditTrail::denied(const grpc::ServerContextBase& context, std::string_view method, const Error& error) {
  denied(context.peer(), method, std::string(name(error.code)) + ": " + error.message);
}

void AuditTrail::denied(std::string_view peer, std::string_view what, std::string_view reason) {
  // A stranger must not be able to rotate the log's lines away.
  const auto untold = denials_.with([&](Denials& denials) -> std::optional<std::uint64_t> {
    const auto now = clock_.boot_now();
    const std::chrono::duration<double> passed = now - denials.at;
    denials.left = std::min(kDenialsBurst, denials.left + passed.count() * kDenialsPerSecond);
    denials.at = now;
    if (denials.left < 1) {
      ++denials.untold;
      return std::nullopt;
    }
    denials.left -= 1;
    return std::exchange(denials.untold, 0);
  });
  if (!untold) return;
  const auto more = *untold == 0 ? std::string() : std::to_string(*untold);
  // Refused it is in any case; a failure is counted and told by append().
  static_cast<void>(append("denied", {{"peer", peer}, {"method", what}, {"reason", reason}, {"more", more}}, audit::Durability::Later));
}

void AuditTrail::asked(const grpc::ServerContextBase& context, std::string request) {
  calls_.with([&](auto& calls) { calls[&context].request = std::move(request); });
}

void AuditTrail::answered(const grpc::ServerContextBase& context, std::string_view code) {
  const auto number = calls_.with([&](auto& calls) {
    const auto node = calls.extract(&context);
    return node ? node.mapped().number : 0;
  });
  if (number == 0) return;  // denied, or refused at the gate
  static_cast<void>(append("outcome", {{"of", std::to_string(number)}, {"code", code}}, audit::Durability::Later));
}

grpc::experimental::Interceptor* AuditInterceptors::CreateServerInterceptor(ServerRpcInfo* info) {
  const auto row = table_.find(std::string_view(info->method()));
  if (row == table_.end() || !row->second.is_audited()) return nullptr;
  return new AuditOneCall(trail_, *info->server_context());  // gRPC owns it
}

}  // namespace swarm::rpc

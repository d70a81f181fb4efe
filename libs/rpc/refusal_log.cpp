#include "libs/rpc/refusal_log.hpp"

#include <grpcpp/server_context.h>

#include <optional>

#include "libs/rpc/status.hpp"
#include "libs/rpc/trace.hpp"
#include "libs/telemetry/line_quota.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::rpc {
namespace {

constexpr std::uint32_t kLinesPerSecond = 20;
constexpr std::size_t kCauseBytes = 300;
constexpr std::size_t kMethodBytes = 200;  // an unknown one is the caller's text

/// Whose the fault is: ours is a warning, the caller's is worth a line, and who hangs up or runs out of time is neither.
std::optional<log::Level> level_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return std::nullopt;
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return log::Level::Warn;
    default:
      return log::Level::Info;
  }
}

}  // namespace

void log_refusal(std::string_view method, const grpc::Status& status, const grpc::ServerContextBase& context) {
  static log::LineQuota quota(kLinesPerSecond);
  const auto level = level_of(status.error_code());
  if (!level || !log::enabled(*level)) return;
  const auto withheld = quota.take();
  if (!withheld) return;
  const trace::Scope scope(trace_of(context));
  log::write(*level, "call refused",
             {{"method", method.substr(0, kMethodBytes)}, {"code", name(static_cast<Code>(status.error_code()))},
              {"error", status.error_message().substr(0, kCauseBytes)},
              {"peer", context.peer()}, {"lines_withheld", *withheld}});
}

}  // namespace swarm::rpc

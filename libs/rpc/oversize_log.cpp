#include "libs/rpc/oversize_log.hpp"

#include <absl/status/status.h>
#include <grpc/status.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "libs/rpc/replaced_function.hpp"
#include "libs/telemetry/line_quota.hpp"
#include "libs/telemetry/logging.hpp"

namespace grpc_core {
enum class StatusIntProperty;  // private to libgrpc; passed on as it comes
}

namespace swarm::rpc {
namespace {

constexpr const char* kSetInt = "_Z18grpc_error_set_intN4absl7debian36StatusEN9grpc_core17StatusIntPropertyEl";
constexpr std::string_view kOversize = "Received message larger than max";
constexpr std::uint32_t kLinesPerSecond = 20;

using SetInt = absl::Status(absl::Status, grpc_core::StatusIntProperty, std::intptr_t);

void tell(std::string_view error) {
  static log::LineQuota quota(kLinesPerSecond);
  if (const auto withheld = quota.take()) {
    log::warn("message refused", {{"code", "RESOURCE_EXHAUSTED"}, {"error", error}, {"lines_withheld", *withheld}});
  }
}

}  // namespace

bool oversize_log_active() { return function_is_replaced(kSetInt); }

}  // namespace swarm::rpc

SWARM_REPLACES absl::Status grpc_error_set_int(absl::Status error, grpc_core::StatusIntProperty which, std::intptr_t value) {
  static auto* const next = swarm::rpc::replaced_function<swarm::rpc::SetInt>(swarm::rpc::kSetInt);
  const std::string_view text(error.message().data(), error.message().size());
  if (value == GRPC_STATUS_RESOURCE_EXHAUSTED && text.starts_with(swarm::rpc::kOversize)) swarm::rpc::tell(text);
  return next(std::move(error), which, value);
}

#include "libs/rpc/call_metrics.hpp"

#include <grpcpp/server_context.h>

#include <chrono>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libs/base/error.hpp"
#include "libs/rpc/refusal_log.hpp"
#include "libs/rpc/status.hpp"
#include "libs/rpc/unreadable.hpp"

namespace swarm::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

std::string_view code_name(grpc::StatusCode code) {
  return code == grpc::StatusCode::OK ? std::string_view("OK") : name(static_cast<Code>(code));
}

metrics::Labels labels_of(std::string_view method) {
  const auto slash = method.rfind('/');
  return {{"grpc_service", std::string(method.substr(1, slash - 1))}, {"grpc_method", std::string(method.substr(slash + 1))}};
}

class CountOneCall final : public grpc::experimental::Interceptor {
 public:
  CountOneCall(metrics::Registry& registry, std::string_view method, const grpc::ServerContextBase& context)
      : registry_(registry), method_(method), context_(context), start_(std::chrono::steady_clock::now()) {}

  ~CountOneCall() override {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
    auto& counts = counts_of(method_);
    counts.seconds->observe(took.count());
    counts.counter(registry_, method_, code_).add();
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      auto status = batch->GetSendStatus();
      // gRPC's callback server says only this of a request that is no message of its type.
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED && status.error_message().empty()) {
        status = to_status(unreadable(method_));
        batch->ModifySendStatus(status);
      }
      code_ = status.error_code();
      log_refusal(method_, status, context_);
    }
    batch->Proceed();
  }

 private:
  struct Counts {
    metrics::Histogram* seconds = nullptr;
    std::array<metrics::Counter*, 17> by_code{};

    metrics::Counter& counter(metrics::Registry& registry, std::string_view method, grpc::StatusCode code) {
      auto& known = by_code.at(static_cast<std::size_t>(code));
      if (known == nullptr) {
        auto labels = labels_of(method);
        labels.emplace_back("grpc_code", code_name(code));
        known = &registry.counter("grpc_server_handled_total", "RPCs completed, by status code.", labels);
      }
      return *known;
    }
  };

  /// Per thread, so that a call takes no lock. gRPC's threads are few and so are the methods.
  Counts& counts_of(std::string_view method) {
    thread_local std::unordered_map<const metrics::Registry*, std::unordered_map<std::string, Counts>> known;
    auto& counts = known[&registry_][std::string(method)];
    if (counts.seconds == nullptr) {
      counts.seconds = &registry_.histogram("grpc_server_handling_seconds", "Time from the arrival of an RPC to its end.",
                                            metrics::latency_buckets(), labels_of(method));
    }
    return counts;
  }

  metrics::Registry& registry_;
  std::string_view method_;
  const grpc::ServerContextBase& context_;
  std::chrono::steady_clock::time_point start_;
  grpc::StatusCode code_ = grpc::StatusCode::CANCELLED;  // a call that sends no status was cancelled
};

}  // namespace

grpc::experimental::Interceptor* CallMetrics::CreateServerInterceptor(ServerRpcInfo* info) {
  if (info->type() == ServerRpcInfo::Type::BIDI_STREAMING) return nullptr;
  return new CountOneCall(registry_, info->method(), *info->server_context());  // gRPC owns it
}

}  // namespace swarm::rpc

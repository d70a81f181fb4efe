#include "libs/rpc/call_traces.hpp"

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <optional>
#include <unordered_map>

#include "libs/async/guarded.hpp"
#include "libs/base/error.hpp"
#include "libs/rpc/trace.hpp"
#include "libs/telemetry/span.hpp"

namespace swarm::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;
using Positions = std::unordered_map<const void*, trace::Context>;

/// The spans of the calls that run, by their contexts: handlers know nothing else of a call.
async::Guarded<Positions>& positions() {
  static async::Guarded<Positions> all;
  return all;
}

class TraceOneCall final : public grpc::experimental::Interceptor {
 public:
  TraceOneCall(const grpc::ServerContextBase& context, std::string_view method, const Clock& clock) : context_(context), clock_(clock) {
    span_.name = method.substr(1);
    span_.kind = trace::SpanKind::Server;
    span_.begin = clock.wall_now();
  }
  ~TraceOneCall() override {
    positions().with([this](Positions& all) { all.erase(&context_); });
    span_.end = clock_.wall_now();
    trace::finish(std::move(span_));
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) begin(*batch->GetRecvInitialMetadata());
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) end(batch->GetSendStatus());
    batch->Proceed();
  }

 private:
  void begin(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
    const auto header = metadata.find("traceparent");
    const auto parent = header == metadata.end() ? std::nullopt : trace::parse({header->second.data(), header->second.size()});
    span_.context = parent ? parent->child() : trace::start();
    if (parent) span_.parent = parent->span_id;
    positions().with([this](Positions& all) { all[&context_] = span_.context; });
  }
  void end(const grpc::Status& status) {
    const auto code = status.error_code();
    span_.failed = code == grpc::StatusCode::UNKNOWN || code == grpc::StatusCode::INTERNAL || code == grpc::StatusCode::DATA_LOSS ||
                   code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DEADLINE_EXCEEDED;
    span_.attributes = {{"rpc.system", "grpc"}, {"rpc.grpc.status_code", std::to_string(code)}};
  }

  const grpc::ServerContextBase& context_;
  const Clock& clock_;
  trace::FinishedSpan span_;
};

}  // namespace

grpc::experimental::Interceptor* CallTraces::CreateServerInterceptor(ServerRpcInfo* info) {
  const std::string_view method = info->method();
  if (!trace::spans_wanted() || method.starts_with("/grpc.")) return nullptr;
  return new TraceOneCall(*info->server_context(), method, clock_);  // gRPC owns it
}

trace::Context trace_of(const grpc::ServerContextBase& context) {
  if (trace::spans_wanted()) {
    const auto position = positions().with([&](const Positions& all) -> std::optional<trace::Context> {
      const auto found = all.find(&context);
      return found == all.end() ? std::nullopt : std::optional(found->second);
    });
    if (position) return *position;
  }
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("traceparent");
  if (it == metadata.end()) return trace::start();
  return trace::continue_or_start({it->second.data(), it->second.size()});
}

void carry_trace(grpc::ClientContext& context, const trace::Context& trace) { context.AddMetadata("traceparent", trace.traceparent()); }

}  // namespace swarm::rpc

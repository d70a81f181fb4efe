#include "libs/rpc/server.hpp"

#include <absl/synchronization/mutex.h>
#include <arpa/inet.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/rpc/accept_guard.hpp"
#include "libs/rpc/audit_trail.hpp"
#include "libs/rpc/call_metrics.hpp"
#include "libs/rpc/call_traces.hpp"
#include "libs/rpc/certificate_files.hpp"
#include "libs/rpc/chttp2_filter.hpp"
#include "libs/rpc/oversize_log.hpp"
#include "libs/rpc/unknown_calls.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::rpc {
namespace {

/// While a port is being bound start() tells in one line what went wrong.
std::atomic<bool> binding{false};

/// gRPC's own lines become lines of our log: one format on stderr.
void log_line_of_grpc(gpr_log_func_args* line) {
  if (line->severity != GPR_LOG_SEVERITY_ERROR || binding) return;
  log::warn("grpc", {{"detail", std::string_view(line->message)}});
}

/// Process-wide switches of gRPC, before its first server.
void set_up_grpc_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(&log_line_of_grpc);
    // Debian's abseil is built for debugging: each lock of gRPC would be looked up in one process-wide graph.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    // Of bytes that are no message of ours; the call's own line tells of it.
    google::protobuf::SetLogHandler([](google::protobuf::LogLevel, const char*, int, const std::string& text) {
      log::debug("protobuf", {{"detail", text}});
    });
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    guard_accept();
    if (!frame_filter_active()) log::error("this gRPC library is not guarded against HTTP/2 floods; see docs/security.md");
    if (!oversize_log_active()) log::warn("with this gRPC library a message over the size limit leaves no log line");
  });
}

void set_limits(grpc::ServerBuilder& builder, const ServerOptions& options) {
  grpc::ResourceQuota quota("port");
  quota.Resize(options.memory_bytes_max);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(options.message_bytes_max);
  builder.SetMaxSendMessageSize(options.message_bytes_max);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.metadata_bytes_max);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection_max);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, static_cast<int>(options.handshake_time.count()));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, static_cast<int>(options.connections.idle_max.count()));
  // gRPC shares ports by default: two processes would each get half of the calls and nobody would be told.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

std::string host_of(std::string_view address) {
  const auto colon = address.rfind(':');
  const bool has_port = colon != std::string_view::npos && (address.find(':') == colon || address.front() == '[');
  return std::string(has_port ? address.substr(0, colon) : address);
}

}  // namespace

bool is_loopback(std::string_view address) {
  const auto host = host_of(address);
  if (host == "localhost" || host == "[::1]" || host == "::1") return true;
  in_addr v4{};  // a name may begin with 127, too
  return host.starts_with("127.") && inet_pton(AF_INET, host.c_str(), &v4) == 1;
}

struct Server::Impl {
  Impl(ServerOptions opts, metrics::Registry& metrics, std::unique_ptr<auth::Guard> guard)
      : options(std::move(opts)), registry(metrics), gate(std::move(guard)) {}

  Result<void> check_exposure() const {
    if (is_loopback(options.listen) || (options.tls.enabled() && !gate.guard().open())) return outcome::success();
    return Error{Code::FailedPrecondition, "refusing to listen on " + options.listen +
                                               " without TLS and authentication; set tls.cert_file, tls.key_file and "
                                               "auth.jwks_file or auth.jwks_url, or listen on 127.0.0.1"};
  }

  Result<void> open_audit_log() {
    if (options.audit_directory.empty()) return outcome::success();
    BOOST_OUTCOME_TRY(auto log, audit::Log::open({options.audit_directory}, options.service, clock));
    trail = std::make_unique<AuditTrail>(std::move(log), registry, clock);
    gate.record_in(*trail);
    return outcome::success();
  }

  ServerOptions options;
  metrics::Registry& registry;
  SystemClock clock;
  std::unique_ptr<AuditTrail> trail;
  Gate gate;
  std::vector<std::pair<grpc::Service*, std::string>> services;
  UnknownCalls unknown_calls;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

Server::Server(ServerOptions options, metrics::Registry& registry, std::unique_ptr<auth::Guard> guard)
    : impl_(std::make_unique<Impl>(std::move(options), registry, std::move(guard))) {
  set_up_grpc_once();
}
Server::~Server() { stop(); }

Gate& Server::gate() { return impl_->gate; }
const Gate& Server::gate() const { return impl_->gate; }
AuditTrail* Server::audit_trail() { return impl_->trail.get(); }

void Server::add(grpc::Service& service, std::string full_name) { impl_->services.emplace_back(&service, std::move(full_name)); }

Result<void> Server::start() {
  BOOST_OUTCOME_TRY(impl_->check_exposure());
  BOOST_OUTCOME_TRY(impl_->open_audit_log());
  limit_connections(impl_->options.connections.max, impl_->options.connections.per_peer_max);
  grpc::ServerBuilder builder;
  set_limits(builder, impl_->options);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<CallMetrics>(impl_->registry));
  interceptors.push_back(std::make_unique<CallTraces>(impl_->clock));
  if (impl_->trail) interceptors.push_back(std::make_unique<AuditInterceptors>(*impl_->trail, impl_->gate.guard().table()));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  builder.AddListeningPort(impl_->options.listen, server_credentials(impl_->options.tls), &impl_->port);
  for (auto& [service, name] : impl_->services) builder.RegisterService(service);
  impl_->registry.counter_callback("grpc_server_connections_shed_total", "Connections closed unserved for want of descriptors.",
                                   {}, [] { return static_cast<double>(connections_shed()); });
  impl_->registry.counter_callback("grpc_server_connections_broken_off_total", "Connections closed because the client flooded them.",
                                   {}, [] { return static_cast<double>(connections_broken_off()); });
  impl_->registry.gauge_callback("grpc_streams_open", "HTTP/2 streams that gRPC holds, both ways.", {},
                                 [] { return static_cast<double>(streams_open()); });
  if (impl_->options.tls.enabled()) {
    impl_->registry.gauge_callback("swarm_tls_certificate_expiry_timestamp_seconds", "When the certificate in tls.cert_file ends, Unix time; 0: there is none in the file.", {},
                                   [file = impl_->options.tls.cert_file] {
                                     const auto ends = certificate_ends(file);
                                     return ends ? static_cast<double>(unix_ms(*ends) / 1000) : 0.0;
                                   });
  }
  if (const auto* guard = &impl_->gate.guard(); !guard->open()) {
    impl_->registry.gauge_callback("swarm_auth_keys_fault", "1 while the newest keys of tokens can't be had and the last good ones count.", {},
                                   [guard] { return guard->fault().empty() ? 0.0 : 1.0; });
  }
  builder.RegisterCallbackGenericService(&impl_->unknown_calls);
  binding = true;
  impl_->server = builder.BuildAndStart();
  binding = false;
  if (!impl_->server || impl_->port == 0) {
    impl_->server.reset();
    return Error{Code::Unavailable, "can't listen on " + impl_->options.listen +
                                        ": the port is in use or not ours to bind; stop the other program or choose another port"};
  }
  set_ready(true);
  return outcome::success();
}

std::string Server::address() const { return host_of(impl_->options.listen) + ":" + std::to_string(impl_->port); }

void Server::set_ready(bool ready) {
  auto* health = impl_->server ? impl_->server->GetHealthCheckService() : nullptr;
  if (health == nullptr) return;
  health->SetServingStatus("", ready);
  for (const auto& [service, name] : impl_->services) health->SetServingStatus(name, ready);
}

void Server::begin_drain() {
  set_ready(false);
  impl_->gate.close();
}

void Server::stop() {
  if (!impl_->server) return;
  begin_drain();
  impl_->server->Shutdown(std::chrono::system_clock::now() + impl_->options.drain_time);
  impl_->server->Wait();
  impl_->server.reset();
}

}  // namespace swarm::rpc

#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "libs/base/result.hpp"
#include "libs/rpc/gate.hpp"
#include "libs/rpc/security.hpp"
#include "libs/telemetry/metrics.hpp"

namespace grpc {
class Service;
}

namespace swarm::rpc {

/// Settings of one gRPC port. Beyond loopback it needs TLS and keys for tokens; without, it refuses to start.
struct ServerOptions {
  std::string listen = "127.0.0.1:0";
  std::string service = "service";                    // its name, for the audit log
  std::filesystem::path audit_directory;              // empty: no audit log
  TlsSettings tls;
  ConnectionSettings connections;
  int message_bytes_max = 16 << 20;
  int metadata_bytes_max = 16 << 10;
  int streams_per_connection_max = 4096;
  std::size_t memory_bytes_max = 512u << 20;          // gRPC's resource quota
  std::chrono::milliseconds handshake_time{5'000};
  std::chrono::milliseconds drain_time{10'000};
};

/// One gRPC port: health (grpc.health.v1), reflection, limits, metrics per RPC, drain. Construct it, construct the
/// services with gate(), add() them, start(). Thread-safe after start().
class Server {
 public:
  Server(ServerOptions options, metrics::Registry& registry, std::unique_ptr<auth::Guard> guard);
  ~Server();

  Gate& gate();
  const Gate& gate() const;
  /// Null before start(), and without an audit log.
  AuditTrail* audit_trail();
  /// Before start(). `service` must outlive the server; `full_name`, e.g. orchestrator::Orchestrator::service_full_name(),
  /// gets a health entry of its own.
  void add(grpc::Service& service, std::string full_name);
  /// FailedPrecondition when the address is beyond loopback without TLS and authentication; Unavailable when the port
  /// is in use or can't be bound.
  Result<void> start();
  /// The bound address, e.g. "127.0.0.1:50054".
  std::string address() const;

  /// What health checks are told; the listener is not touched. True after start().
  void set_ready(bool ready);
  /// First phase of a stop: NOT_SERVING, and the gate closes. Parked calls must be ended by their owners.
  void begin_drain();
  /// Second phase: waits up to drain_time for calls in flight, then cancels them.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// True for 127.0.0.0/8, ::1 and "localhost", with or without a port.
bool is_loopback(std::string_view address);

}  // namespace swarm::rpc

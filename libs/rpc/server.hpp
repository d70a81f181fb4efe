#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::rpc {

/// Settings of one gRPC port. Beyond loopback it needs TLS and authentication; without, it refuses to start.
struct ServerOptions {
  std::string listen = "127.0.0.1:0";
  std::size_t message_bytes_max = 16u << 20;
  int metadata_bytes_max = 16 << 10;
  int streams_per_connection_max = 4096;
  std::size_t memory_bytes_max = 512u << 20;  // gRPC's resource quota
  int threads_max = 16;
  std::chrono::milliseconds drain_time{10'000};
};

/// One gRPC port: health (grpc.health.v1), reflection, limits, metrics per RPC, drain. Thread-safe after start().
class Server {
 public:
  Server(ServerOptions options, metrics::Registry& registry);
  ~Server();

  /// Before start(). The service must outlive the server. Its full name gets a health entry of its own.
  void add(grpc::Service& service);
  /// FailedPrecondition when the address is beyond loopback without TLS and authentication; Unavailable when the port
  /// is in use or can't be bound.
  Result<void> start();
  int port() const;

  /// NOT_SERVING or SERVING for health checks; the listener is not touched.
  void set_ready(bool ready);
  /// First phase of a stop: NOT_SERVING, and new calls get UNAVAILABLE (see draining()). Parked calls must be ended by
  /// their owners.
  void begin_drain();
  bool draining() const;
  /// Second phase: waits up to drain_time for calls in flight, then cancels them.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// True for 127.0.0.0/8, ::1 and "localhost" with or without a port.
bool is_loopback(std::string_view address);

}  // namespace swarm::rpc

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/base/secret.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::admin {

/// One line of readiness detail, e.g. {"analyst", false, "connection refused, trying again"}. A dependency that is
/// missing but not needed for serving is reported with required = false and does not make the service unready.
struct Readiness {
  std::string name;
  bool ok = true;
  std::string detail;
  bool required = false;
};

struct Options {
  std::string listen = "127.0.0.1:0";
  Secret metrics_token;  // when set, /metrics wants it as a bearer token
};

/// The admin port: GET /metrics (Prometheus text), /livez, /readyz (200 or 503, JSON detail) over plain HTTP, and
/// nothing else. It may listen beyond loopback because Kubernetes' probes carry no credentials. Has a thread of its own,
/// so that a stuck service still answers. Requests are bounded to 8 KiB and 5 s.
class AdminServer {
 public:
  AdminServer(Options options, metrics::Registry& registry, std::function<std::vector<Readiness>()> readiness);
  ~AdminServer();
  Result<void> start();
  /// The bound address, e.g. "127.0.0.1:9154".
  std::string address() const;
  /// While draining, /readyz is 503.
  void set_draining();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace swarm::admin

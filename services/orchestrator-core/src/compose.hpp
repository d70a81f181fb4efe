#pragma once

#include <memory>

#include "libs/base/result.hpp"
#include "settings.hpp"

namespace swarm::orchestrator {

/// The whole service, wired. The only place that knows every adapter. open() takes the data directory and recovers;
/// run() serves until SIGTERM or SIGINT has been answered with a drain.
class Orchestrator {
 public:
  static Result<std::unique_ptr<Orchestrator>> open(const Settings& settings);
  ~Orchestrator();

  /// Starts to serve. Call once.
  Result<void> start();
  /// Blocks until the service has drained. The exit code: 0, or 1 when the store was lost.
  int run();
  /// Begins the drain; from any thread.
  void begin_stop();

  std::string grpc_address() const;
  std::string admin_address() const;

 private:
  struct Impl;
  explicit Orchestrator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace swarm::orchestrator

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace swarm::knowledge::testing {

/// The Synapse stand-in (integration-tests/synapse) as a process of its own, on a port that it keeps over restarts.
/// Ends only the process that it started.
class SynapseProcess {
 public:
  /// Nothing when there is no Python that can run it; says so on stderr. $SWARM_TEST_PYTHON, or build/venv/bin/python.
  static std::unique_ptr<SynapseProcess> start(const std::filesystem::path& storage, std::string tokens_json = "{}");
  /// Not started yet, but with a port that will be its own.
  static std::unique_ptr<SynapseProcess> prepare(const std::filesystem::path& storage, std::string tokens_json = "{}");
  ~SynapseProcess();

  void run();
  void kill();       // loses what was not saved
  void interrupt();  // saves
  /// Everything gone, as after a new disk. While it does not run.
  void wipe();

  /// A fault's JSON, e.g. {"kind": "slow", "method": "QuerySparql", "seconds": 2}
  void fault(const std::string& json);
  void clear_faults();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  SynapseProcess(std::string python, std::filesystem::path storage, std::string tokens);
  void end(int signal);
  void control(const std::string& request_line, const std::string& body);

  std::string python_;
  std::filesystem::path storage_;
  std::string tokens_;
  int port_ = 0;
  int control_port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace swarm::knowledge::testing

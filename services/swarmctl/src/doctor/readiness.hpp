#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "doctor/finding.hpp"
#include "libs/base/result.hpp"
#include "peer.hpp"

namespace swarm::ctl {

/// What an admin port's /readyz says.
struct ReadinessReport {
  struct Check {
    std::string name;
    bool ok = false;
    bool required = false;
    std::string detail;
  };
  bool ready = false;
  bool draining = false;
  std::string version;           // empty: not told
  std::int64_t now_unix_ms = 0;  // 0: not told
  std::vector<Check> checks;
};

Result<ReadinessReport> parse_readiness(const std::string& json);

/// Judges a report, read at `local_unix_ms` by this machine's clock.
Findings judge(Peer peer, const ReadinessReport& report, std::int64_t local_unix_ms);

}  // namespace swarm::ctl

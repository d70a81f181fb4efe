#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/time_zone.hpp"
#include "libs/base/result.hpp"

namespace swarm::orchestrator::testing {

/// What a repeated run came to.
struct ReplayReport {
  std::uint64_t commands = 0;
  std::uint64_t ticks = 0;
  std::uint64_t commits = 0;
  std::uint64_t digests = 0;   // states that were compared, and equal
  bool complete = false;       // the record goes to the end of its run
  std::string difference;      // the first one; empty: none
};

/// Runs a command log (adapters/command_log) through the engine and its commit pipeline again, and compares the states
/// with those that were written down. DataLoss for what is no command log.
Result<ReplayReport> replay(std::string_view log, const TimeZones& zones);

}  // namespace swarm::orchestrator::testing

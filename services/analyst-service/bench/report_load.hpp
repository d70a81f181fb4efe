#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace swarm::analyst::bench {

struct Load {
  std::string address;
  std::vector<std::string> logs;   // sent in turn
  std::uint64_t count = 0;
  double per_second = 0;           // 0: as fast as the answers come
  std::uint64_t in_flight_max = 256;
};

struct LoadResult {
  double seconds = 0;
  double p50_ms = 0, p99_ms = 0;
  std::uint64_t failed = 0;
};

/// Sends failures to a running analyst over gRPC and measures the time of each answer.
LoadResult send_reports(const Load& load);

}  // namespace swarm::analyst::bench

// orchestrator-replay FILE: repeats the run of a command log and compares its states; exits with 0 when all of them agree.

#include <cstdio>
#include <fstream>
#include <iterator>

#include "adapters/tzdata/zone_files.hpp"
#include "testing/replay.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: orchestrator-replay FILE\n");
    return 2;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string log{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) {
    std::fprintf(stderr, "orchestrator-replay: can't read %s\n", argv[1]);
    return 2;
  }
  const auto report = swarm::orchestrator::testing::replay(log, swarm::orchestrator::tzdata::ZoneFiles());
  if (!report) {
    std::fprintf(stderr, "orchestrator-replay: %s\n", report.error().message.c_str());
    return 1;
  }
  const auto& r = report.value();
  std::printf("%llu commands, %llu ticks, %llu commits, %llu states compared%s\n", static_cast<unsigned long long>(r.commands),
              static_cast<unsigned long long>(r.ticks), static_cast<unsigned long long>(r.commits), static_cast<unsigned long long>(r.digests),
              r.complete ? ", to the end of the run" : "; the record was cut off");
  if (!r.difference.empty()) std::printf("differs: %s\n", r.difference.c_str());
  return r.difference.empty() ? 0 : 1;
}

// simulate [first_seed [count [steps]]]: runs seeds, prints what happened, exits with 1 at the first violation.
// With --expect-violation it exits with 0 only if some seed finds one: for planted defects.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "testing/simulator.hpp"

namespace {

using namespace swarm::orchestrator;

struct Totals {
  std::set<std::pair<TaskStatus, TaskStatus>> moves;
  std::map<std::string, std::uint64_t> counts;
};

bool run_seed(std::uint64_t seed, std::size_t steps, Totals& totals) {
  testing::SimulationOptions options;
  options.seed = seed;
  options.steps = steps;
  const auto report = testing::Simulator(options).run();
  totals.moves.insert(report.moves.begin(), report.moves.end());
  for (const auto& [what, n] : report.counts) totals.counts[what] += n;
  for (const auto& violation : report.violations) {
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation.c_str());
  }
  return report.violations.empty();
}

int missing_moves(const Totals& totals) {
  int missing = 0;
  for (const TaskStatus from : kAllStatuses) {
    for (const TaskStatus to : kAllStatuses) {
      if (from == to || !may_move(from, to) || totals.moves.contains({from, to})) continue;
      std::printf("never happened: %s -> %s\n", name(from).data(), name(to).data());
      ++missing;
    }
  }
  return missing;
}

}  // namespace

int main(int argc, char** argv) {
  const bool expect_violation = argc > 1 && std::string_view(argv[1]) == "--expect-violation";
  const int at = expect_violation ? 2 : 1;
  const auto number = [&](int i, std::uint64_t fallback) {
    return argc > at + i ? std::strtoull(argv[at + i], nullptr, 10) : fallback;
  };
  const auto first = number(0, 1);
  const auto count = number(1, 100);
  const auto steps = number(2, 10'000);
  Totals totals;
  for (auto seed = first; seed < first + count; ++seed) {
    if (run_seed(seed, steps, totals)) continue;
    return expect_violation ? 0 : 1;
  }
  for (const auto& [what, n] : totals.counts) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(n), what.c_str());
  }
  if (expect_violation) {
    std::printf("no seed found the planted defect\n");
    return 1;
  }
  return missing_moves(totals) == 0 ? 0 : 1;
}

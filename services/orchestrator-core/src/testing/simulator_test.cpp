#include "testing/simulator.hpp"

#include <catch2/catch.hpp>

using namespace swarm::orchestrator::testing;

TEST_CASE("a seed replays its run exactly", "[simulation]") {
  SimulationOptions options;
  options.seed = 42;
  const auto first = Simulator(options).run();
  const auto second = Simulator(options).run();
  CHECK(first.fingerprint == second.fingerprint);
  CHECK(first.counts == second.counts);
  options.seed = 43;
  CHECK(Simulator(options).run().fingerprint != first.fingerprint);
}

TEST_CASE("thirty seeds with all faults keep every promise", "[simulation]") {
  for (std::uint64_t seed = 1000; seed < 1030; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    const auto report = Simulator(options).run();
    INFO("seed " << seed);
    CHECK(report.violations == std::vector<std::string>());
  }
}

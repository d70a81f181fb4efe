#include "domain/target_order.hpp"

#include <catch2/catch.hpp>

#include <map>

namespace swarm::gateway {
namespace {

Model model_of(std::vector<Target> targets) {
  Model model;
  model.targets = std::move(targets);
  return model;
}

TEST_CASE("targets share the first place by their weights", "[targets]") {
  const Model model = model_of({{0, "", 3, 0}, {1, "", 1, 0}, {2, "", 0, 0}});
  const std::array<TargetHealth, 3> health;
  std::map<int, int> first;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const auto order = order_targets(model, health, i * 7919);
    REQUIRE(order.count == 3);
    REQUIRE(order.index[2] == 2);
    ++first[order.index[0]];
  }
  REQUIRE(first[0] > 2800);
  REQUIRE(first[0] < 3200);
  REQUIRE(first[1] == 4000 - first[0]);
}

TEST_CASE("priorities come before weights, and targets at rest last of all", "[targets]") {
  const Model model = model_of({{0, "", 1, 2}, {1, "", 100, 1}, {2, "", 1, 0}});
  std::array<TargetHealth, 3> health;
  for (std::uint64_t i = 0; i < 100; ++i) {
    REQUIRE(order_targets(model, health, i).index == std::array<std::uint8_t, kTargetsMax>{2, 1, 0});
  }
  health[2].resting = true;
  REQUIRE(order_targets(model, health, 1).index == std::array<std::uint8_t, kTargetsMax>{1, 0, 2});
}

TEST_CASE("by latency the quickest is first, the unknown one is tried, and none is forgotten", "[targets]") {
  Model model = model_of({{0, "", 1, 0}, {1, "", 1, 0}, {2, "", 1, 0}});
  model.balance = Balance::LeastLatency;
  std::array<TargetHealth, 3> health;
  health[0].latency_us = 900;
  health[1].latency_us = 100;
  health[2].latency_us = 500;
  std::map<int, int> first;
  for (std::uint64_t i = 0; i < 1600; ++i) ++first[order_targets(model, health, i * 104729).index[0]];
  REQUIRE(first[1] > 1450);
  REQUIRE(first[0] > 5);
  REQUIRE(first[2] > 5);
  health[0].latency_us = 0;
  first.clear();
  for (std::uint64_t i = 0; i < 160; ++i) ++first[order_targets(model, health, i * 104729).index[0]];
  REQUIRE(first[0] > 130);
}

}  // namespace
}  // namespace swarm::gateway

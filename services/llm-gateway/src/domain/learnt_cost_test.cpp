#include "domain/learnt_cost.hpp"

#include <catch2/catch.hpp>

namespace swarm::gateway {
namespace {

const Price kPrice = Price::of(1, 10);  // 1000 and 10000 nano-dollars a token

TEST_CASE("the expectation approaches what requests really cost", "[learnt]") {
  LearntCost learnt;
  const RequestSize size{4000, 0, 0, 1};
  Usage usage;
  usage.input = 1000;
  usage.output = 50;
  for (int i = 0; i < 50; ++i) learnt.learn(1, 1, size, usage);
  const Money expected = learnt.expected(1, 1, kPrice, size, 16'000);
  REQUIRE(expected >= kPrice.cost(usage));
  REQUIRE(expected.nano < kPrice.cost(usage).nano * 11 / 10);
  REQUIRE(learnt.expected(1, 2, kPrice, size, 16'000) > expected);  // another model knows nothing of it
}

TEST_CASE("the expectation never exceeds the token limit nor the ceiling", "[learnt]") {
  LearntCost learnt;
  Usage usage;
  usage.input = 10;
  usage.output = 5000;
  for (int i = 0; i < 20; ++i) learnt.learn(1, 1, {100, 0, 0, 1}, usage);
  const RequestSize small{100, 0, 16, 1};
  REQUIRE(learnt.expected(1, 1, kPrice, small, 16'000) <= ceiling_cost(kPrice, small, 16'000));
  REQUIRE(learnt.expected(1, 1, kPrice, small, 16'000).nano <= 100 * 1000 + 16 * 10'000);
}

TEST_CASE("estimated usage is marked, teaches nothing and is never free", "[learnt]") {
  const auto usage = estimated_usage({7, 0, 0, 1}, 3);
  REQUIRE(usage.estimated);
  REQUIRE(usage.input > 0);
  REQUIRE(usage.output > 0);
  REQUIRE(estimated_usage({}, 0).input > 0);
  LearntCost learnt;
  const RequestSize size{1000, 0, 0, 1};
  const Money before = learnt.expected(1, 1, kPrice, size, 0);
  learnt.learn(1, 1, size, usage);
  REQUIRE(learnt.expected(1, 1, kPrice, size, 0) == before);
}

TEST_CASE("a full table learns nothing new and forgets nothing", "[learnt]") {
  LearntCost learnt(1);
  Usage usage;
  usage.output = 1;
  for (int i = 0; i < 30; ++i) {
    learnt.learn(1, 1, {}, usage);
    learnt.learn(2, 1, {}, usage);
  }
  REQUIRE(learnt.expected(1, 1, kPrice, {}, 0) < learnt.expected(2, 1, kPrice, {}, 0));
}

}  // namespace
}  // namespace swarm::gateway

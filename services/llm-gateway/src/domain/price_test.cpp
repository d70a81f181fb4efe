#include "domain/price.hpp"

#include <catch2/catch.hpp>

namespace swarm::gateway {
namespace {

TEST_CASE("a cost is exact in nano-dollars and rounds up once", "[price]") {
  auto price = Price::of(0.15, 0.60);
  price.cache_read = pico_per_token(0.0375);
  Usage usage;
  usage.input = 1'000'000;
  REQUIRE(price.cost(usage) == Money::from_usd(0.15));
  usage = {};
  usage.cache_read = 1;
  REQUIRE(price.cost(usage).nano == 38);  // 37.5
  usage.cache_read = 2;
  REQUIRE(price.cost(usage).nano == 75);
  usage = {10, 2, 0, 0, 4, 6, false};
  REQUIRE(price.cost(usage).nano == 1500 + 75 + 2400 + 3600);
  REQUIRE(price.cost({}) == Money{});
}

TEST_CASE("no usage costs more than the ceiling of its tokens", "[price]") {
  const auto price = Price::of(3, 15);
  for (std::uint64_t n : {0ULL, 1ULL, 7ULL, 100'000ULL}) {
    for (auto bucket : {&Usage::input, &Usage::cache_read, &Usage::cache_write, &Usage::cache_write_1h}) {
      Usage usage;
      usage.*bucket = n;
      usage.output = n / 2;
      usage.reasoning = n - n / 2;
      REQUIRE(price.cost(usage) <= price.ceiling(n, n));
    }
  }
}

TEST_CASE("absurd token counts do not overflow", "[price]") {
  const auto price = Price::of(10'000, 10'000);
  Usage usage{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, false};
  REQUIRE(price.cost(usage) > Money::from_usd(1'000'000));
}

}  // namespace
TEST_CASE("batches and long prompts have prices of their own", "[price]") {
  Price price = Price::of(2, 10);
  price.batch = TokenPrices::of(pico_per_token(1), pico_per_token(5));
  price.long_context_above = 200'000;
  price.long_context = TokenPrices::of(pico_per_token(4), pico_per_token(20));
  Usage usage;
  usage.input = 200'000;
  usage.output = 1'000;
  REQUIRE(price.cost(usage) == Money::from_usd(0.41));
  usage.cache_read = 1;
  REQUIRE(price.cost(usage) == Money{840'004'000 - 20'000'000 + 0});
  usage.batch = true;
  REQUIRE(price.cost(usage) == Money{205'001'000});
  REQUIRE(price.ceiling(200'000, 1'000) == Money::from_usd(0.81));
  REQUIRE(price.ceiling(200'001, 1'000) >= price.long_context.cost(usage));
}

TEST_CASE("audio and images are counted at their own prices", "[price]") {
  Price price = Price::of(1, 2);
  price.audio_input = pico_per_token(10);
  price.audio_output = pico_per_token(20);
  price.image_input = pico_per_token(3);
  Usage usage;
  usage.audio_input = usage.audio_output = usage.image_input = 1'000;
  REQUIRE(price.cost(usage) == Money{33'000'000});
  REQUIRE(price.ceiling(1'000, 1'000) == Money{30'000'000});
}

}  // namespace swarm::gateway

#include "domain/price.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace swarm::gateway {
namespace {

constexpr std::uint64_t kTokensMax = 100'000'000;
constexpr std::int64_t kPicoPerNano = 1000;

Money sum(std::initializer_list<std::pair<std::uint64_t, PicoPerToken>> parts) {
  std::int64_t nano = 0;
  std::int64_t pico = 0;
  for (const auto& [tokens, price] : parts) {
    const std::int64_t cost = static_cast<std::int64_t>(std::min(tokens, kTokensMax)) * price;
    nano += cost / kPicoPerNano;
    pico += cost % kPicoPerNano;
  }
  return Money{nano + (pico + kPicoPerNano - 1) / kPicoPerNano};
}

}  // namespace

PicoPerToken pico_per_token(double usd_per_mtok) { return std::llround(usd_per_mtok * 1e6); }

Price Price::of(double input_usd_per_mtok, double output_usd_per_mtok) {
  Price price;
  price.input = pico_per_token(input_usd_per_mtok);
  price.output = pico_per_token(output_usd_per_mtok);
  price.cache_read = price.input;
  price.cache_write = price.input + price.input / 4;
  price.cache_write_1h = price.input * 2;
  price.reasoning = price.output;
  return price;
}

Money Price::cost(const Usage& usage) const {
  return sum({{usage.input, input},
              {usage.cache_read, cache_read},
              {usage.cache_write, cache_write},
              {usage.cache_write_1h, cache_write_1h},
              {usage.output, output},
              {usage.reasoning, reasoning}});
}

Money Price::ceiling(std::uint64_t input_tokens, std::uint64_t output_tokens) const {
  return sum({{input_tokens, std::max({input, cache_read, cache_write, cache_write_1h})},
              {output_tokens, std::max(output, reasoning)}});
}

}  // namespace swarm::gateway

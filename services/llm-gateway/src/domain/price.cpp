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

TokenPrices TokenPrices::of(PicoPerToken input, PicoPerToken output) {
  TokenPrices prices;
  prices.input = prices.cache_read = prices.audio_input = prices.image_input = input;
  prices.cache_write = input + input / 4;
  prices.cache_write_1h = input * 2;
  prices.output = prices.reasoning = prices.audio_output = output;
  return prices;
}

Money TokenPrices::cost(const Usage& usage) const {
  return sum({{usage.input, input},
              {usage.cache_read, cache_read},
              {usage.cache_write, cache_write},
              {usage.cache_write_1h, cache_write_1h},
              {usage.output, output},
              {usage.reasoning, reasoning},
              {usage.audio_input, audio_input},
              {usage.audio_output, audio_output},
              {usage.image_input, image_input}});
}

Money TokenPrices::ceiling(std::uint64_t input_tokens, std::uint64_t output_tokens) const {
  return sum({{input_tokens, std::max({input, cache_read, cache_write, cache_write_1h, audio_input, image_input})},
              {output_tokens, std::max({output, reasoning, audio_output})}});
}

Price Price::of(double input_usd_per_mtok, double output_usd_per_mtok) {
  Price price;
  static_cast<TokenPrices&>(price) = TokenPrices::of(pico_per_token(input_usd_per_mtok), pico_per_token(output_usd_per_mtok));
  return price;
}

Money Price::cost(const Usage& usage) const {
  if (usage.batch && batch) return batch->cost(usage);
  const bool is_long = long_context_above > 0 && usage.input_total() > long_context_above;
  return is_long ? long_context.cost(usage) : TokenPrices::cost(usage);
}

Money Price::ceiling(std::uint64_t input_tokens, std::uint64_t output_tokens) const {
  const Money usual = TokenPrices::ceiling(input_tokens, output_tokens);
  if (long_context_above == 0 || input_tokens <= long_context_above) return usual;
  return std::max(usual, long_context.ceiling(input_tokens, output_tokens));
}

}  // namespace swarm::gateway

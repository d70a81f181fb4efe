#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "domain/money.hpp"
#include "domain/usage.hpp"

namespace swarm::gateway {

/// Pico-dollars for one token: a price of x US dollars per million tokens is x million of these, so that prices with up
/// to six decimals are exact.
using PicoPerToken = std::int64_t;
PicoPerToken pico_per_token(double usd_per_mtok);

/// One price for each kind of token.
struct TokenPrices {
  PicoPerToken input = 0;
  PicoPerToken output = 0;
  PicoPerToken cache_read = 0;
  PicoPerToken cache_write = 0;
  PicoPerToken cache_write_1h = 0;
  PicoPerToken reasoning = 0;
  PicoPerToken audio_input = 0;
  PicoPerToken audio_output = 0;
  PicoPerToken image_input = 0;

  /// See Price::of.
  static TokenPrices of(PicoPerToken input, PicoPerToken output);
  Money cost(const Usage& usage) const;
  Money ceiling(std::uint64_t input_tokens, std::uint64_t output_tokens) const;
  friend bool operator==(const TokenPrices&, const TokenPrices&) = default;
};

/// What a model's tokens cost. Immutable once published; `version` goes into every row that it priced.
struct Price : TokenPrices {
  std::uint64_t long_context_above = 0;     // prompts of more tokens than this cost `long_context`; 0: none do
  TokenPrices long_context;
  std::optional<TokenPrices> batch;         // of usage that was a batch's; none: as any other
  std::string version;

  /// A price where only input and output are known: cached reads at the input's price, writes at 1.25 and 2 times it,
  /// reasoning as output, audio and images as text. Never cheaper than the truth for the providers' published lists.
  static Price of(double input_usd_per_mtok, double output_usd_per_mtok);

  /// Rounded up to a whole nano-dollar. Token counts above 10^8 are taken as 10^8, so that a lying upstream can't
  /// overflow the sum.
  Money cost(const Usage& usage) const;
  /// The dearest that this many tokens can be, whatever buckets they fall into.
  Money ceiling(std::uint64_t input_tokens, std::uint64_t output_tokens) const;
};

}  // namespace swarm::gateway

#pragma once

#include <cstdint>

namespace swarm::gateway {

/// What one answer used, in tokens, in buckets that do not overlap. OpenAI's prompt_tokens include cached ones and
/// Anthropic's input_tokens exclude them; the readers of the wire formats resolve that, so that a price is simply
/// multiplied here.
struct Usage {
  std::uint64_t input = 0;           // neither read from nor written to a cache
  std::uint64_t cache_read = 0;
  std::uint64_t cache_write = 0;     // kept for five minutes
  std::uint64_t cache_write_1h = 0;
  std::uint64_t output = 0;          // visible
  std::uint64_t reasoning = 0;
  bool estimated = false;            // counted by us from the text because the upstream did not say
  std::uint64_t audio_input = 0;     // heard
  std::uint64_t audio_output = 0;    // spoken
  std::uint64_t image_input = 0;     // seen, where the upstream tells them apart from text
  bool batch = false;                // billed at the price of a batch

  std::uint64_t input_total() const { return input + cache_read + cache_write + cache_write_1h + audio_input + image_input; }
  std::uint64_t output_total() const { return output + reasoning + audio_output; }
  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace swarm::gateway

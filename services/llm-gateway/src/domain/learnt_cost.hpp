#pragma once

#include <cstdint>
#include <unordered_map>

#include "domain/price.hpp"

namespace swarm::gateway {

/// What bounds the tokens of a prompt.
enum class PromptBound : std::uint8_t {
  Text,     // its bytes
  Context,  // only what the model can read: the provider completes it with what it keeps, a conversation or a file
  None,     // nothing: the provider runs tools and reads what they find, again and again
};

/// What bounds a request's cost, as far as its bytes tell.
struct RequestSize {
  std::uint64_t text_bytes = 0;          // of the prompt; a token is at least one byte
  std::uint64_t flat_tokens = 0;         // images and other parts whose bytes say nothing
  std::uint64_t output_tokens_max = 0;   // of each choice; 0: the request does not say
  std::uint64_t choices = 1;             // 0: nothing is generated
  std::uint64_t unseen_tokens = 0;       // the most that the provider puts beside the text; no part of what is expected
  PromptBound bound = PromptBound::Text;
};

/// Expected cost of a request from what its predecessors of the same scope and model cost: tokens per prompt byte and
/// output tokens, as moving averages plus one deviation. Pure, single-threaded, bounded (beyond `entries_max` pairs the
/// defaults serve).
class LearntCost {
 public:
  explicit LearntCost(std::size_t entries_max = 65'536) : entries_max_(entries_max) {}

  /// Never above what the size allows. `model_output_max`: 0 when unknown.
  Money expected(std::uint32_t scope, std::uint32_t model, const Price& price, const RequestSize& size,
                 std::uint64_t model_output_max) const;
  void learn(std::uint32_t scope, std::uint32_t model, const RequestSize& size, const Usage& usage);

 private:
  struct Entry {
    double tokens_per_byte = 1.0 / 3.5;
    double output_mean = 500;
    double output_deviation = 250;
    std::uint32_t seen = 0;
  };
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::size_t entries_max_;
};

/// The most that a request of that size can cost.
Money ceiling_cost(const Price& price, const RequestSize& size, std::uint64_t model_output_max);

/// Usage counted from text, for an upstream that does not report it: marked as estimated and never zero.
Usage estimated_usage(const RequestSize& size, std::uint64_t output_text_bytes);

}  // namespace swarm::gateway

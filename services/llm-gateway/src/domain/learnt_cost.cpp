#include "domain/learnt_cost.hpp"

#include <algorithm>
#include <cmath>

namespace swarm::gateway {
namespace {

std::uint64_t key_of(std::uint32_t scope, std::uint32_t model) { return (std::uint64_t{scope} << 32) | model; }

std::uint64_t output_bound(const RequestSize& size, std::uint64_t model_output_max) {
  return (size.output_tokens_max == 0 ? model_output_max : size.output_tokens_max) * size.choices;
}

std::uint64_t rounded(double tokens) { return static_cast<std::uint64_t>(std::clamp(tokens, 0.0, 1e8)); }

}  // namespace

Money LearntCost::expected(std::uint32_t scope, std::uint32_t model, const Price& price, const RequestSize& size,
                           std::uint64_t model_output_max) const {
  const auto found = entries_.find(key_of(scope, model));
  const Entry entry = found == entries_.end() ? Entry{} : found->second;
  Usage usage;
  usage.input = rounded(static_cast<double>(size.text_bytes) * entry.tokens_per_byte) + size.flat_tokens;
  usage.output = rounded(std::ceil(entry.output_mean + entry.output_deviation));
  if (const auto bound = output_bound(size, model_output_max); bound > 0) usage.output = std::min(usage.output, bound);
  return std::min(price.cost(usage), ceiling_cost(price, size, std::max(model_output_max, usage.output)));
}

void LearntCost::learn(std::uint32_t scope, std::uint32_t model, const RequestSize& size, const Usage& usage) {
  if (usage.estimated) return;
  if (entries_.size() >= entries_max_ && !entries_.contains(key_of(scope, model))) return;
  Entry& entry = entries_[key_of(scope, model)];
  // A true mean for the first eight, a moving one from then on.
  const double weight = 1.0 / std::min<std::uint32_t>(++entry.seen, 8);
  if (size.text_bytes > 0) {
    const auto text = usage.input_total() > size.flat_tokens ? usage.input_total() - size.flat_tokens : 0;
    const double ratio = static_cast<double>(text) / static_cast<double>(size.text_bytes);
    entry.tokens_per_byte += weight * (std::clamp(ratio, 0.0, 1.0) - entry.tokens_per_byte);
  }
  const double output = static_cast<double>(usage.output_total());
  const double error = output - entry.output_mean;
  entry.output_mean += weight * error;
  entry.output_deviation += weight * (std::abs(error) - entry.output_deviation);
}

Money ceiling_cost(const Price& price, const RequestSize& size, std::uint64_t model_output_max) {
  return price.ceiling(size.text_bytes + size.flat_tokens + size.unseen_tokens, output_bound(size, model_output_max));
}

Usage estimated_usage(const RequestSize& size, std::uint64_t output_text_bytes) {
  Usage usage;
  usage.input = std::max<std::uint64_t>(1, size.text_bytes * 2 / 7) + size.flat_tokens;
  usage.output = output_text_bytes == 0 ? 0 : std::max<std::uint64_t>(1, output_text_bytes * 2 / 7);
  usage.estimated = true;
  return usage;
}

}  // namespace swarm::gateway

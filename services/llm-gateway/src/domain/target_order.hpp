#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "domain/catalog.hpp"

namespace swarm::gateway {

/// What is known of a target when a request chooses.
struct TargetHealth {
  bool resting = false;          // its breaker is open, or it asked to be left alone
  std::int64_t latency_us = 0;   // to its answers' heads, averaged; 0: not known
};

/// Indices into a model's targets, in the order in which they are to be tried.
struct TargetOrder {
  std::array<std::uint8_t, kTargetsMax> index{};
  std::size_t count = 0;
};

/// Lower priorities first; within one, by weight or by latency (one request in 16 takes any, so that a target which was
/// slow once is measured again). Targets at rest come last: they are better than nothing. `health` has an entry for each
/// target, `random` decides. Pure.
TargetOrder order_targets(const Model& model, std::span<const TargetHealth> health, std::uint64_t random);

}  // namespace swarm::gateway

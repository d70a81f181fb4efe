#include "domain/target_order.hpp"

#include <algorithm>

namespace swarm::gateway {
namespace {

constexpr std::uint64_t kExploreOneIn = 16;

/// splitmix64: a draw for each place from the one number that the caller gave.
std::uint64_t next(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t x = state;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Draws without putting back, so that each place goes to a target by its share of what is left.
void shuffle_by_weight(std::span<std::uint8_t> group, const Model& model, std::uint64_t& random) {
  for (std::size_t i = 0; i + 1 < group.size(); ++i) {
    std::uint64_t total = 0;
    for (const std::uint8_t t : group.subspan(i)) total += model.targets[t].weight;
    if (total == 0) return;
    std::uint64_t drawn = next(random) % total;
    std::size_t at = i;
    while (drawn >= model.targets[group[at]].weight) drawn -= model.targets[group[at++]].weight;
    std::swap(group[i], group[at]);
  }
}

}  // namespace

TargetOrder order_targets(const Model& model, std::span<const TargetHealth> health, std::uint64_t random) {
  TargetOrder order;
  order.count = std::min({model.targets.size(), health.size(), kTargetsMax});
  for (std::size_t i = 0; i < order.count; ++i) order.index[i] = static_cast<std::uint8_t>(i);
  const auto begin = order.index.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(order.count);
  const auto group_of = [&](std::uint8_t t) { return std::pair(health[t].resting, model.targets[t].priority); };
  std::stable_sort(begin, end, [&](std::uint8_t a, std::uint8_t b) { return group_of(a) < group_of(b); });
  const bool by_latency = model.balance == Balance::LeastLatency && next(random) % kExploreOneIn != 0;
  for (auto first = begin; first != end;) {
    const auto last = std::find_if(first, end, [&](std::uint8_t t) { return group_of(t) != group_of(*first); });
    if (by_latency) {
      std::stable_sort(first, last, [&](std::uint8_t a, std::uint8_t b) { return health[a].latency_us < health[b].latency_us; });
    } else {
      shuffle_by_weight({first, last}, model, random);
    }
    first = last;
  }
  return order;
}

}  // namespace swarm::gateway

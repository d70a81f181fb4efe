#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/clock.hpp"

namespace swarm::orchestrator {

/// 128 bits with an order. `Tag` keeps the kinds apart.
template <class Tag>
struct Bits128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool empty() const { return high == 0 && low == 0; }
  friend bool operator==(const Bits128&, const Bits128&) = default;
  friend auto operator<=>(const Bits128&, const Bits128&) = default;
};

/// A task's UUID. Its text is lower case with dashes; upper case is understood.
using TaskId = Bits128<struct TaskIdTag>;
/// Fences an attempt: whoever does not know it can't report or extend that attempt. Text: 32 hexadecimal digits.
using LeaseToken = Bits128<struct LeaseTokenTag>;
/// SHA-256, cut to 128 bits, of an idempotency key and its tenant.
using KeyHash = Bits128<struct KeyHashTag>;

std::optional<TaskId> parse_task_id(std::string_view text);
std::string text(TaskId id);
std::optional<LeaseToken> parse_token(std::string_view text);
std::string text(LeaseToken token);

/// A UUIDv7 from the given time and random bits.
TaskId make_task_id(WallTime now, std::uint64_t random_high, std::uint64_t random_low);

/// Mixes 64 bits so that each input bit reaches each output bit (the finaliser of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// A hash that is the same in every process and release; for digests that are stored and for sampling.
std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed = 0);

/// Source of the engine's tokens, ids and jitter. The real one is cryptographic, the simulator's is seeded.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

}  // namespace swarm::orchestrator

template <class Tag>
struct std::hash<swarm::orchestrator::Bits128<Tag>> {
  std::size_t operator()(const swarm::orchestrator::Bits128<Tag>& v) const {
    return swarm::orchestrator::mix(v.high ^ (v.low * 0x9e3779b97f4a7c15ull));
  }
};

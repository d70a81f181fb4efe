#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libs/async/guarded.hpp"
#include "libs/base/clock.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::gateway {

/// Whole answers to requests that were the same byte for byte, of the same key on the same path: the one used longest ago
/// goes first, none is older than its time, all together hold no more than their bytes. Thread-safe.
class AnswerCache {
 public:
  struct Options {
    std::uint64_t bytes_max = 0;                  // 0: nothing is kept
    std::chrono::milliseconds kept{600'000};
    bool any_temperature = false;                 // otherwise only what is asked for with temperature 0, and embeddings
  };
  using Key = std::array<unsigned char, 32>;
  AnswerCache(metrics::Registry& registry, const Clock& clock, Options options);

  bool any_temperature() const { return options_.any_temperature; }
  /// Who asks, where, for what. A hash, so that prompts are not kept.
  static Key key_of(std::string_view principal, std::string_view path, std::string_view body);
  /// Null when there is none, or it is too old.
  std::shared_ptr<const std::string> find(const Key& key);
  /// One that would take more than an eighth of the room is not kept.
  void put(const Key& key, std::string_view body);

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const std::string> body;
    BootTime until{};
  };
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  struct Kept {
    std::list<Entry> entries;  // the one used last is first
    std::unordered_map<Key, std::list<Entry>::iterator, Hash> by_key;
    std::uint64_t bytes = 0;
  };
  static void drop(Kept& kept, std::list<Entry>::iterator entry);

  const Clock& clock_;
  Options options_;
  async::Guarded<Kept> kept_;
  metrics::Counter& hits_;
  metrics::Counter& misses_;
  metrics::Gauge& bytes_;
};

}  // namespace swarm::gateway

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace swarm::log {

/// Bounds the lines that one cause may write, so that a flood of bad requests doesn't flood the log. Thread-safe, takes
/// no lock.
class LineQuota {
 public:
  explicit LineQuota(std::uint32_t per_second) : per_second_(per_second) {}

  /// The number of lines withheld since the last one that was let through; nothing when this one is withheld too.
  std::optional<std::uint64_t> take(std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()) {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    if (second_.exchange(second, std::memory_order_relaxed) != second) written_.store(0, std::memory_order_relaxed);
    if (written_.fetch_add(1, std::memory_order_relaxed) < per_second_) return withheld_.exchange(0, std::memory_order_relaxed);
    withheld_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }

 private:
  std::uint32_t per_second_;
  std::atomic<std::int64_t> second_{-1};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> withheld_{0};
};

}  // namespace swarm::log

#pragma once

#include <atomic>

#include "libs/base/clock.hpp"

namespace swarm::testing {

/// A clock that stands still until a test moves it. Thread-safe.
class FakeClock final : public Clock {
 public:
  BootTime boot_now() const override { return BootTime(std::chrono::nanoseconds(boot_.load())); }
  WallTime wall_now() const override { return WallTime(std::chrono::nanoseconds(wall_.load())); }

  /// Time passes on both clocks.
  void advance(std::chrono::nanoseconds by) {
    boot_ += by.count();
    wall_ += by.count();
  }
  /// Somebody sets the wall clock; boot time does not notice.
  void jump_wall(std::chrono::nanoseconds by) { wall_ += by.count(); }

 private:
  std::atomic<std::int64_t> boot_{1'000'000'000'000};
  std::atomic<std::int64_t> wall_{1'767'225'600'000'000'000};  // 2026-01-01T00:00:00Z
};

}  // namespace swarm::testing

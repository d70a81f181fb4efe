#include "libs/base/clock.hpp"

#include <ctime>

namespace swarm {
namespace {

std::chrono::nanoseconds read(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec);
}

}  // namespace

BootTime SystemClock::boot_now() const { return BootTime(read(CLOCK_BOOTTIME)); }
WallTime SystemClock::wall_now() const { return WallTime(read(CLOCK_REALTIME)); }

}  // namespace swarm

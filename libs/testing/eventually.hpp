#pragma once

#include <chrono>
#include <thread>

namespace swarm::testing {

/// True as soon as `condition` holds; false if it did not within `limit`. For what happens on another thread.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace swarm::testing

#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

// What the orchestrator's load client and its Redis peer have in common, so that both are measured alike.
namespace swarm::orchestrator::bench {

using Clock = std::chrono::steady_clock;

inline constexpr int kInFlight = 256;
inline constexpr int kBatch = 16;

inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

inline std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "orchestrator-bench: %s\n", what.c_str());
  std::exit(1);
}

inline void print_latency(std::vector<double> ms, const char* prefix) {
  if (ms.empty()) die("nothing was received");
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) { return ms[std::min(ms.size() - 1, static_cast<std::size_t>(share * static_cast<double>(ms.size())))]; };
  std::printf("{\"%sp50_ms\": %.4f, \"%sp99_ms\": %.4f, \"samples\": %zu}\n", prefix, at(0.50), prefix, at(0.99), ms.size());
}

/// How many cycles may still be begun; a cycle ends with its acknowledged result.
class Window {
 public:
  explicit Window(int size) : free_(size) {}
  void take(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return free_ >= n; });
    free_ -= n;
  }
  void give(int n) {
    std::lock_guard lock(mutex_);
    free_ += n;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int free_;
};

/// Ticks at a fixed rate, whatever happens between two ticks.
class Pace {
 public:
  explicit Pace(int rate) : period_(1'000'000'000 / rate), next_(Clock::now() + std::chrono::milliseconds(200)) {}
  void tick() {
    std::unique_lock lock(mutex_);
    never_.wait_until(lock, next_, [] { return false; });
    next_ += period_;
  }

 private:
  std::chrono::nanoseconds period_;
  Clock::time_point next_;
  std::mutex mutex_;
  std::condition_variable never_;
};

}  // namespace swarm::orchestrator::bench

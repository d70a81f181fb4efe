#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "application/books.hpp"
#include "application/probe.hpp"
#include "libs/base/clock.hpp"
#include "ports/spend_journal.hpp"

namespace swarm::gateway {

/// The thread that makes spend durable, off every request's path: groups rows and changed allotments into one
/// transaction at least every `interval` while there is something to write, and at once when a request waits for a
/// refill. A full disk is tried again with back-off while rows wait (bounded: full() tells the front door); an unknown
/// outcome ends the process through `fatal`. About once a second it also settles reservations whose caller never came back, a
/// bounded number at a time. record(), wake(), refilled() and full() may be called from any thread.
class SpendLoop {
 public:
  struct Options {
    std::chrono::milliseconds interval{25};
    std::size_t rows_max = 65'536;
  };
  struct Hooks {
    std::function<void(const Error&)> fatal;
    std::function<void(const std::vector<std::string>& scopes)> changed;  // on this loop's thread, as the next one
    std::function<bool()> tidy;  // about once a second, and with each write while it says that there is more to do
  };
  SpendLoop(SharedBooks& books, SpendStore& store, Probe& probe, const Clock& clock, Options options, Hooks hooks);
  ~SpendLoop();

  void start();
  /// Writes what is left and takes the allotments back; call when nothing is in flight any more.
  void stop();

  void record(UsageRow row);
  /// Rows that are not durable yet.
  std::size_t waiting() const { return waiting_rows_.load(std::memory_order_relaxed); }
  bool full() const { return waiting() >= options_.rows_max; }
  /// Comes back after the next write, successful or not, or after a second.
  boost::asio::awaitable<void> refilled();
  /// Blocks until everything recorded before is durable. Not for request paths. Unavailable after `patience`.
  Result<void> flush(std::chrono::milliseconds patience = std::chrono::seconds(5));
  /// Empty while the last write succeeded.
  std::string failure() const;

 private:
  void run();
  bool write(bool idle_tick);
  void succeeded(const std::vector<AllotmentPlan>& plans, double seconds);
  void sweep();
  void notify_waiters();
  std::chrono::milliseconds pause() const;

  SharedBooks& books_;
  SpendStore& store_;
  Probe& probe_;
  const Clock& clock_;
  Options options_;
  Hooks hooks_;

  mutable std::mutex mutex_;  // of what follows, up to the next line without a comment
  std::condition_variable wake_;
  std::condition_variable written_;
  std::vector<UsageRow> rows_;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiters_;
  std::uint64_t recorded_ = 0;
  std::uint64_t durable_ = 0;
  std::string failure_;
  bool urgent_ = false;
  bool stopping_ = false;

  std::atomic<std::size_t> waiting_rows_{0};
  std::vector<UsageRow> batch_;            // of the thread: taken and not yet durable
  std::vector<AllotmentPlan> plans_;       // likewise
  int failures_in_a_row_ = 0;
  bool more_to_tidy_ = false;
  std::thread thread_;
};

}  // namespace swarm::gateway

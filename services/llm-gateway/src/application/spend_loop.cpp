#include "application/spend_loop.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include "libs/base/uuid.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr auto kIdleTick = std::chrono::seconds(1);
constexpr auto kRefillPatience = std::chrono::seconds(1);
constexpr auto kRetryPause = std::chrono::milliseconds(100);
// A round over 65,536 slots takes 16 s, which is short beside the hours that a reservation may last.
constexpr std::size_t kSlotsLookedAt = 4'096;
constexpr std::size_t kSweptMax = 256;

}  // namespace

SpendLoop::SpendLoop(SharedBooks& books, SpendStore& store, Probe& probe, const Clock& clock, Options options, Hooks hooks)
    : books_(books), store_(store), probe_(probe), clock_(clock), options_(options), hooks_(std::move(hooks)) {}

SpendLoop::~SpendLoop() { stop(); }

void SpendLoop::start() {
  thread_ = std::thread([this] { run(); });
}

void SpendLoop::stop() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  if (!batch_.empty()) log::error("spend was not made durable", {{"rows", batch_.size()}, {"cause", failure()}});
  else if (const auto released = store_.release_allotments(); !released) {
    log::warn("allotments stay debited", {{"cause", released.error().message}});
  }
}

void SpendLoop::record(UsageRow row) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = rows_.empty();
    rows_.push_back(std::move(row));
    ++recorded_;
  }
  waiting_rows_.fetch_add(1, std::memory_order_relaxed);
  if (first) wake_.notify_one();
}

asio::awaitable<void> SpendLoop::refilled() {
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, kRefillPatience);
  {
    std::lock_guard lock(mutex_);
    waiters_.push_back(timer);
    urgent_ = true;
  }
  wake_.notify_one();
  co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
}

Result<void> SpendLoop::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = recorded_;
  urgent_ = true;
  wake_.notify_one();
  if (written_.wait_for(lock, patience, [&] { return durable_ >= wanted; })) return outcome::success();
  return Error{Code::Unavailable, "spend is not durable yet" + (failure_.empty() ? "" : ": " + failure_)};
}

std::string SpendLoop::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

std::chrono::milliseconds SpendLoop::pause() const {
  if (failures_in_a_row_ == 0) return more_to_tidy_ ? options_.interval : kIdleTick;
  return std::min<std::chrono::milliseconds>(kRetryPause * (1 << std::min(failures_in_a_row_, 4)), kIdleTick);
}

void SpendLoop::run() {
  auto next_idle_tick = clock_.boot_now() + kIdleTick;
  while (true) {
    bool stopping = false;
    {
      std::unique_lock lock(mutex_);
      const auto due = [this] { return stopping_ || urgent_ || (!rows_.empty() && failures_in_a_row_ == 0); };
      wake_.wait_for(lock, pause(), due);
      // More rows join the first one's transaction, unless somebody waits for it.
      if (!urgent_ && !stopping_ && !rows_.empty()) {
        wake_.wait_for(lock, options_.interval, [this] { return stopping_ || urgent_; });
      }
      urgent_ = false;
      stopping = stopping_;
      std::move(rows_.begin(), rows_.end(), std::back_inserter(batch_));
      rows_.clear();
    }
    const bool idle_tick = clock_.boot_now() >= next_idle_tick;
    if (idle_tick) next_idle_tick = clock_.boot_now() + kIdleTick;
    const bool good = write(idle_tick);
    notify_waiters();
    if (good && !stopping && hooks_.tidy && (idle_tick || more_to_tidy_)) more_to_tidy_ = hooks_.tidy();
    if (stopping && (good || failures_in_a_row_ > 3)) return;
  }
}

void SpendLoop::sweep() {
  const auto abandoned = books_.with([&](Books& books) {
    books.ledger.tick(clock_.wall_now());
    return books.ledger.sweep(clock_.boot_now(), kSlotsLookedAt, kSweptMax);
  });
  if (abandoned.empty()) return;
  for (const Abandoned& one : abandoned) {
    UsageRow row;
    row.at = clock_.wall_now();
    row.request_id = uuid_v7(row.at);
    row.team = one.team;
    row.key = one.key;
    row.task = one.task;
    row.ending = Ending::Abandoned;
    row.settlement = one.settlement;
    record(std::move(row));
  }
  probe_.abandoned(abandoned.size());
  log::warn("reservations were abandoned and charged their ceiling", {{"count", abandoned.size()}});
}

bool SpendLoop::write(bool idle_tick) {
  if (idle_tick) sweep();
  std::vector<std::string> changed;
  const bool behind = !plans_.empty();
  books_.with([&](Books& books) {
    for (auto& plan : books.ledger.plan_allotments(idle_tick)) plans_.push_back(std::move(plan));
    changed = books.ledger.take_changed();
  });
  // As long as nothing can be written, they must not become more and more.
  if (behind) keep_newest(plans_);
  if (!changed.empty() && hooks_.changed) hooks_.changed(changed);
  if (batch_.empty() && plans_.empty()) {
    written_.notify_all();
    return true;
  }
  const auto begin = clock_.boot_now();
  const auto stored = store_.append(batch_, plans_);
  if (stored) {
    succeeded(plans_, std::chrono::duration<double>(clock_.boot_now() - begin).count());
    return true;
  }
  probe_.journal_failed();
  if (failures_in_a_row_++ == 0) log::error("spend can't be made durable", {{"cause", stored.error().message}, {"rows", batch_.size()}});
  books_.with([](Books& books) { books.ledger.set_journal_failing(true); });
  {
    std::lock_guard lock(mutex_);
    failure_ = stored.error().message;
  }
  if (stored.error().code != Code::ResourceExhausted && hooks_.fatal) hooks_.fatal(stored.error());
  return false;
}

void SpendLoop::succeeded(const std::vector<AllotmentPlan>& plans, double seconds) {
  books_.with([&](Books& books) {
    for (const auto& plan : plans) books.ledger.allotted(plan);
    for (const auto& row : batch_) books.ledger.journaled(row.settlement);
    if (failures_in_a_row_ > 0) books.ledger.set_journal_failing(false);
  });
  if (failures_in_a_row_ > 0) log::info("spend is durable again", {{"rows", batch_.size()}});
  failures_in_a_row_ = 0;
  probe_.journal_written(batch_.size(), seconds);
  waiting_rows_.fetch_sub(batch_.size(), std::memory_order_relaxed);
  {
    std::lock_guard lock(mutex_);
    durable_ += batch_.size();
    failure_.clear();
  }
  written_.notify_all();
  batch_.clear();
  plans_.clear();
}

void SpendLoop::notify_waiters() {
  std::vector<std::shared_ptr<asio::steady_timer>> waiters;
  {
    std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
  }
  // A timer belongs to its own thread.
  for (auto& timer : waiters) asio::post(timer->get_executor(), [timer] { timer->cancel(); });
}

}  // namespace swarm::gateway

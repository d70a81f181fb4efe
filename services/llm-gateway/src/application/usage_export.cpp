#include "application/usage_export.hpp"

#include <algorithm>
#include <chrono>

#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kBatch = 1'000;
constexpr std::chrono::milliseconds kPause{200};
constexpr std::chrono::seconds kTidyPause{20};
constexpr int kBackOffStepsMax = 6;  // up to 12.8 s

}  // namespace

UsageExport::UsageExport(SpendStore& store, UsageSink& sink, metrics::Registry& registry)
    : store_(store), sink_(sink),
      lines_(registry.counter("swarm_gateway_usage_log_lines_total", "Usage rows written to the usage log")),
      failures_(registry.counter("swarm_gateway_usage_log_failures_total", "Writes of the usage log that failed")),
      spilled_(registry.counter("swarm_gateway_usage_log_spilled_total", "Rows that waited on the disk for a usage log that failed")),
      dropped_(registry.counter("swarm_gateway_usage_log_dropped_total", "Rows that were gone before they were written; there should be none")),
      backlog_(registry.gauge("swarm_gateway_usage_log_backlog_rows", "Durable rows that the usage log does not have yet")) {}

Result<void> UsageExport::start() {
  BOOST_OUTCOME_TRY(const auto newest, store_.last_row());
  BOOST_OUTCOME_TRY(const auto last, sink_.last(newest));
  last_ = last;
  thread_ = std::thread([this] { run(); });
  return outcome::success();
}

void UsageExport::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void UsageExport::run() {
  while (true) {
    bool stopping = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kPause * (1 << std::min(failures_in_a_row_, kBackOffStepsMax)), [this] { return stopping_; });
      stopping = stopping_;
    }
    while (carry()) {
    }
    if (const auto now = std::chrono::steady_clock::now(); now - tidied_ >= kTidyPause) {
      tidied_ = now;
      sink_.tidy();
    }
    if (stopping) return;
  }
}

bool UsageExport::carry() {
  std::vector<NumberedRow> batch;
  const auto read = store_.rows_after(last_, [&](std::uint64_t number, const UsageRow& row) {
    batch.push_back({number, row});
    return batch.size() < kBatch;
  });
  const auto written = !read || batch.empty() ? read : sink_.write(batch);
  if (const auto newest = store_.last_row()) backlog_.set(static_cast<double>(newest.value() - std::min(last(), newest.value())));
  if (!written) {
    failures_.add();
    if (failures_in_a_row_++ == 0) log::error("usage log can't be written, its rows wait on the disk", {{"cause", written.error().message}});
    return false;
  }
  if (batch.empty()) {
    failures_in_a_row_ = 0;
    return false;
  }
  if (failures_in_a_row_ > 0) spilled_.add(batch.size());
  dropped_.add(batch.back().number - last() - batch.size());
  lines_.add(batch.size());
  last_ = batch.back().number;
  const bool more = batch.size() == kBatch;
  if (!more && failures_in_a_row_ > 0) log::info("usage log is written again", {});
  if (!more) failures_in_a_row_ = 0;
  if (!more) backlog_.set(0);
  return more;
}

}  // namespace swarm::gateway

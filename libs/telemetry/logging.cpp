#include "libs/telemetry/logging.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "libs/telemetry/json_line.hpp"
#include "libs/telemetry/log_level.hpp"

namespace swarm::log {
namespace {

constexpr std::size_t kQueuedLinesMax = 8192;
constexpr int kOff = 1000;

/// What spdlog does with its own failures (a closed stderr) there is nobody left to tell.
void ignore_sink_failure(const std::string&) {}

struct Output {
  std::string service;
  std::shared_ptr<spdlog::async_logger> logger;
  std::shared_ptr<spdlog::details::thread_pool> pool;  // goes first: its thread writes out what is queued and ends
};

/// The process's log is the one thing here that is global: every line of code may write to it.
std::atomic<int> level_now{kOff};
std::atomic<std::uint64_t> dropped_before{0};
std::mutex output_mutex;               // guards the exchange of `output`, not the writing
std::shared_ptr<const Output> output;  // shared: a writer may still hold it while stop() lets go

std::shared_ptr<const Output> current_output() {
  std::lock_guard lock(output_mutex);
  return output;
}

std::optional<Level> parse_level(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Level>, 4> kLevels = {
      {{"debug", Level::Debug}, {"info", Level::Info}, {"warn", Level::Warn}, {"error", Level::Error}}};
  for (const auto& [name, level] : kLevels) {
    if (name == text) return level;
  }
  return std::nullopt;
}

}  // namespace

std::string check_level(const std::string& level) {
  return parse_level(level) ? "" : "is none of debug, info, warn, error";
}

Result<void> start(std::string_view service, std::string_view level) {
  const auto parsed = parse_level(level);
  if (!parsed) return set_level(level);
  auto next = std::make_shared<Output>();
  next->service = service;
  next->pool = std::make_shared<spdlog::details::thread_pool>(kQueuedLinesMax, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_pattern("%v");
  next->logger = std::make_shared<spdlog::async_logger>(next->service, std::move(sink), next->pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
  next->logger->set_level(spdlog::level::trace);
  next->logger->set_error_handler(ignore_sink_failure);
  {
    std::lock_guard lock(output_mutex);
    output = std::move(next);
  }
  return set_level(level);
}

void stop() {
  level_now = kOff;
  std::shared_ptr<const Output> last;
  {
    std::lock_guard lock(output_mutex);
    last = std::exchange(output, nullptr);
  }
  if (last) dropped_before += last->pool->overrun_counter();
}

Result<void> set_level(std::string_view level) {
  const auto parsed = parse_level(level);
  if (!parsed) return Error{Code::InvalidArgument, "log level is none of debug, info, warn, error: " + std::string(level)};
  level_now = static_cast<int>(*parsed);
  return outcome::success();
}

bool enabled(Level level) { return static_cast<int>(level) >= level_now.load(std::memory_order_relaxed); }

std::uint64_t dropped() {
  const auto out = current_output();
  return dropped_before + (out ? out->pool->overrun_counter() : 0);
}

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  const auto out = current_output();
  if (!out) return;
  out->logger->log(spdlog::level::info,
                   json_line(SystemClock().wall_now(), level, out->service, message, fields, trace::current()));
}

}  // namespace swarm::log

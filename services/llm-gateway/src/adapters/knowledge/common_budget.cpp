#include "adapters/knowledge/common_budget.hpp"

#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

constexpr double kNanosPerDollar = 1e9;

}  // namespace

CommonBudget::CommonBudget(const Parts& parts, Options options)
    : parts_(parts),
      options_(std::move(options)),
      reporter_(parts.spend, parts.outbox, parts.clock),
      limits_(parts.desk, parts.outbox, parts.store, parts.clock, options_.limits_of),
      swarm_today_(parts.registry.gauge("swarm_gateway_common_spent_today_usd",
                                        "What all gateways told the common knowledge store of today (UTC), as it last said")) {}

Result<std::unique_ptr<CommonBudget>> CommonBudget::open(const Parts& parts, Options options) {
  std::unique_ptr<CommonBudget> made(new CommonBudget(parts, std::move(options)));
  BOOST_OUTCOME_TRYV(made->reporter_.open());
  if (!made->options_.limits_of.empty()) {
    parts.desk.on_limit_set([&limits = made->limits_](const std::string& scope, const Limit& limit) { return limits.tell(scope, limit); });
  }
  return made;
}

CommonBudget::~CommonBudget() { stop(); }

void CommonBudget::start() {
  thread_ = std::thread([this] { run(); });
}

void CommonBudget::stop() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  tell();
}

void CommonBudget::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    tell();
    limits_.adopt();
    ask_for_sum();
    lock.lock();
    wake_.wait_for(lock, options_.interval, [this] { return stopping_; });
  }
}

void CommonBudget::tell() {
  const auto told = reporter_.tell();
  if (!told && !telling_failed_) log::warn("spend can't be told, it will be", {{"error", told.error().message}});
  telling_failed_ = !told;
}

void CommonBudget::ask_for_sum() {
  const auto today = knowledge::iso_time(parts_.clock.wall_now()).substr(0, 10);
  const auto sum = parts_.store.spent_on(today);
  if (sum) swarm_today_.set(static_cast<double>(sum.value()) / kNanosPerDollar);
}

}  // namespace swarm::gateway

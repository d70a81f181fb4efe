#include "application/alert_sender.hpp"

#include <algorithm>

#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

metrics::Counter& counter(metrics::Registry& registry, const AlertChannel& channel, std::string_view outcome) {
  return registry.counter("swarm_gateway_alerts_total", "Alerts of budgets, by what became of them",
                          {{"hook", channel.name()}, {"outcome", std::string(outcome)}});
}

// A scope's windows come one after the other: what is told of older ones need not be kept.
std::string account_of(const std::string& key) { return key.substr(0, key.rfind('@') + 1); }

}  // namespace

AlertSender::AlertSender(std::unique_ptr<AlertChannel> channel, AlertMemory& memory, metrics::Registry& registry, Options options)
    : channel_(std::move(channel)), memory_(memory), options_(options), sent_(counter(registry, *channel_, "sent")),
      failed_(counter(registry, *channel_, "given_up")), dropped_(counter(registry, *channel_, "dropped")) {}

Result<void> AlertSender::start() {
  BOOST_OUTCOME_TRY(told_, memory_.told());
  std::erase_if(told_, [&](const auto& one) { return !one.first.starts_with(channel_->name() + '/'); });
  thread_ = std::thread([this] { run(); });
  return outcome::success();
}

void AlertSender::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string AlertSender::key_of(const AccountView& view) const {
  return channel_->name() + '/' + view.scope + '/' + std::string(name(view.account.limit.window)) + '@' +
         std::to_string(unix_ms(view.account.span.start));
}

void AlertSender::noticed(const std::vector<AccountView>& views, WallTime now) {
  std::lock_guard lock(mutex_);
  for (const AccountView& view : views) {
    if (view.state < options_.least || view.account.limit.unlimited) continue;
    const std::string key = key_of(view);
    const auto told = told_.find(key);
    if (told != told_.end() && told->second >= view.state) continue;
    told_[key] = view.state;
    Alert alert{now, view.scope, view.account.limit.window, view.account.span.start, view.state, view.account.spent(),
                view.account.allowed(), view.account.span.end};
    if (queue_.size() >= options_.waiting_max) {
      queue_.pop_front();
      dropped_.add();
    }
    queue_.push_back({key, std::move(alert)});
  }
  wake_.notify_all();
}

void AlertSender::run() {
  while (true) {
    Waiting next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    deliver(next);
  }
}

/// False when the service stops: the alert is told after its next start.
bool AlertSender::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

void AlertSender::deliver(const Waiting& waiting) {
  for (int attempt = 0;; ++attempt) {
    const auto sent = channel_->send(waiting.alert);
    if (sent) {
      sent_.add();
      break;
    }
    const bool last = attempt + 1 >= options_.attempts_max || sent.error().code == Code::InvalidArgument;
    if (attempt == 0 || last) {
      log::warn(last ? "an alert was given up" : "an alert could not be sent, trying again",
                {{"hook", channel_->name()}, {"scope", waiting.alert.scope}, {"state", name(waiting.alert.state)}, {"cause", sent.error().message}});
    }
    if (last) {
      failed_.add();
      break;
    }
    if (!pause(options_.first_pause * (1 << std::min(attempt, 6)))) return;
  }
  std::vector<std::string> older;
  {
    std::lock_guard lock(mutex_);
    for (auto it = told_.lower_bound(account_of(waiting.key)); it != told_.end() && it->first < waiting.key;) {
      older.push_back(it->first);
      it = told_.erase(it);
    }
  }
  auto kept = memory_.tell(waiting.key, waiting.alert.state);
  for (const std::string& key : older) {
    if (kept) kept = memory_.forget(key);
  }
  if (!kept) log::warn("an alert may be told again after a restart", {{"hook", channel_->name()}, {"cause", kept.error().message}});
}

}  // namespace swarm::gateway

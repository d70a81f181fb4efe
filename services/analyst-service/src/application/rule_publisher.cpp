#include "application/rule_publisher.hpp"

#include <chrono>

#include "libs/telemetry/logging.hpp"

namespace swarm::analyst::application {

namespace {

constexpr std::chrono::milliseconds kPause{500};

}  // namespace

RulePublisher::~RulePublisher() { stop(); }

void RulePublisher::start() { thread_ = std::thread([this] { run(); }); }

void RulePublisher::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void RulePublisher::changed() {
  std::lock_guard lock(mutex_);
  pending_ = true;
  wake_.notify_one();
}

std::string RulePublisher::backlog() const {
  std::lock_guard lock(mutex_);
  return backlog_;
}

void RulePublisher::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || pending_; });
      if (stopping_) return;
      pending_ = false;
    }
    if (hand_on()) continue;
    std::unique_lock lock(mutex_);
    pending_ = true;
    wake_.wait_for(lock, kPause, [this] { return stopping_; });
  }
}

bool RulePublisher::hand_on() {
  const auto rules = board_.all();
  std::string backlog;
  for (auto* sink : sinks_) {
    const auto done = sink->publish(rules);
    if (done) continue;
    probe_.sink_failures.add();
    backlog += std::string(sink->name()) + ": " + done.error().message + "; ";
  }
  std::lock_guard lock(mutex_);
  if (!backlog.empty() && backlog_.empty()) log::warn("rules not handed on, trying again", {{"why", backlog}});
  backlog_ = backlog;
  return backlog.empty();
}

}  // namespace swarm::analyst::application

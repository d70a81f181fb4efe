#include "application/interrupt.hpp"

namespace swarm::orchestrator {

bool Interrupt::wait(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [this] { return stopped_; });
  return !stopped_;
}

void Interrupt::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

bool Interrupt::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

}  // namespace swarm::orchestrator

#include "libs/async/deadlines.hpp"

namespace swarm::async {
namespace {

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Deadlines::Deadlines(boost::asio::io_context& io, std::chrono::milliseconds tick)
    : timer_(io), tick_(tick), now_ms_(steady_ms()) {
  wait();
}

Deadlines::~Deadlines() {
  while (first_ != nullptr) first_->leave();
}

void Deadlines::arm(Watched& watched, std::chrono::milliseconds after) {
  watched.due_ms_ = now_ms_ + after.count() + 1;
  if (watched.owner_ != nullptr) return;
  watched.owner_ = this;
  watched.previous_ = nullptr;
  watched.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &watched;
  first_ = &watched;
}

void Deadlines::Watched::leave() {
  if (owner_ == nullptr) return;
  if (owner_->iterating_ == this) owner_->iterating_ = next_;
  (previous_ != nullptr ? previous_->next_ : owner_->first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  owner_ = nullptr;
  next_ = previous_ = nullptr;
}

void Deadlines::stop() {
  stopped_ = true;
  timer_.cancel();
}

void Deadlines::wait() {
  timer_.expires_after(tick_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopped_) return;
    now_ms_ = steady_ms();
    fire();
    if (callback_) callback_();
    if (!stopped_) wait();
  });
}

void Deadlines::fire() {
  for (Watched* at = first_; at != nullptr; at = iterating_) {
    iterating_ = at->next_;
    if (at->due_ms_ == 0 || at->due_ms_ > now_ms_) continue;
    at->due_ms_ = 0;
    at->on_deadline();
  }
  iterating_ = nullptr;
}

}  // namespace swarm::async

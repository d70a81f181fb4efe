#include "libs/auth/url_key_source.hpp"

#include <algorithm>

namespace swarm::auth {

UrlKeySource::UrlKeySource(std::unique_ptr<KeySource> own, Options options, Fetch fetch, Told told)
    : own_(std::move(own)),
      options_(std::move(options)),
      fetch_(std::move(fetch)),
      told_(std::move(told)),
      thread_([this](const std::stop_token& stop) { keep(stop); }) {}

std::shared_ptr<const KeySet> UrlKeySource::keys() {
  auto ours = own_ ? own_->keys() : nullptr;
  const std::lock_guard lock(mutex_);
  if (!joined_ || ours != ours_) {
    ours_ = std::move(ours);
    joined_ = ours_ ? std::make_shared<const KeySet>(ours_->joined_with(*theirs_)) : theirs_;
  }
  return joined_;
}

void UrlKeySource::key_unknown() {
  if (own_) own_->key_unknown();
  const std::lock_guard lock(mutex_);
  if (wanted_) return;
  wanted_ = true;
  wake_.notify_all();
}

std::string UrlKeySource::fault() const {
  auto own = own_ ? own_->fault() : std::string();
  if (!own.empty()) return own;
  const std::lock_guard lock(mutex_);
  return fault_;
}

/// The fault in the answer, if any.
std::string UrlKeySource::take(const Result<std::string>& answer) {
  if (!answer) return answer.error().message;
  {
    const std::lock_guard lock(mutex_);
    // The guard forgets verified tokens when the keys change; the same ones again are no change.
    if (theirs_->size() > 0 && answer.value() == text_) return {};
  }
  auto keys = KeySet::parse_foreign(answer.value(), options_.issuer);
  if (!keys) return keys.error().message;
  const bool usable = keys.value().size() > 0;
  const std::lock_guard lock(mutex_);
  text_ = answer.value();
  theirs_ = std::make_shared<const KeySet>(std::move(keys.value()));
  joined_.reset();
  return usable ? "" : "it publishes no key that can be used here";
}

bool UrlKeySource::ask(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = false;
  }
  const auto answer = fetch_(stop);
  if (stop.stop_requested()) return false;
  auto fault = take(answer);
  told_(fault);
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
  return fault_.empty();
}

void UrlKeySource::keep(const std::stop_token& stop) {
  const auto more = options_.refresh - std::min(options_.refresh, options_.pause_min);
  while (!stop.stop_requested()) {
    const bool got = ask(stop);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, options_.pause_min, [] { return false; });
    // What was refused since the question was sent counts: its key may be newer than the answer.
    if (got) wake_.wait_for(lock, stop, more, [this] { return wanted_; });
  }
}

}  // namespace swarm::auth

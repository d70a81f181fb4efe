#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "libs/auth/key_source.hpp"

namespace swarm::auth {

/// Our own keys and those that an identity provider publishes, which a thread of its own asks for: at the start, then every
/// `refresh`, and when a token named an unknown key; but never twice within `pause_min`, so that nobody can make us ask by showing
/// us rubbish. What can't be had or read leaves the last good keys in force, and is tried again after `pause_min`; a key that a good
/// answer no longer holds counts no more. Nobody waits for the provider: until its first answer its tokens are refused. Thread-safe.
class UrlKeySource final : public KeySource {
 public:
  struct Options {
    std::string issuer;  // that the provider's tokens must name
    std::chrono::milliseconds refresh = std::chrono::minutes(5);
    std::chrono::milliseconds pause_min = std::chrono::seconds(10);
  };
  /// The JWKS document; blocks for a bounded time, and no longer once it is asked to stop.
  using Fetch = std::function<Result<std::string>(const std::stop_token&)>;
  /// Told, on the thread, how each attempt ended: empty when it went well, else the cause.
  using Told = std::function<void(const std::string& fault)>;

  /// `own` may be null.
  UrlKeySource(std::unique_ptr<KeySource> own, Options options, Fetch fetch, Told told);

  std::shared_ptr<const KeySet> keys() override;
  void key_unknown() override;
  std::string fault() const override;

 private:
  void keep(const std::stop_token& stop);
  bool ask(const std::stop_token& stop);
  std::string take(const Result<std::string>& answer);

  const std::unique_ptr<KeySource> own_;
  const Options options_;
  const Fetch fetch_;
  const Told told_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  // With mutex_.
  bool wanted_ = false;
  std::string fault_ = "no answer yet";
  std::string text_;  // that `theirs_` was read from
  std::shared_ptr<const KeySet> theirs_ = std::make_shared<const KeySet>();
  std::shared_ptr<const KeySet> ours_;  // that `joined_` was made of
  std::shared_ptr<const KeySet> joined_;
  std::jthread thread_;  // the last: it uses all of the above
};

}  // namespace swarm::auth

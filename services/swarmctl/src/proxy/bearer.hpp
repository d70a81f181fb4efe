#pragma once

#include <grpcpp/channel.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "access.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace swarm::ctl {

/// The token that a long-running proxy adds to calls, kept good from a thread of its own: made anew with a signing key when half
/// its life is over, or renewed by a service (Operations.RenewToken) when two thirds are. A token file is read again when its
/// text changes, so that whoever wrote it may also replace it. Thread-safe.
class Bearer {
 public:
  struct Options {
    TokenRequest request;          // of the tokens that are made with the signing key
    std::string signing_key_file;  // or
    std::string token_file;        // or neither: no token
    std::string signing_key_id;
  };
  /// Told, on the bearer's thread, of what can't be renewed.
  using Complain = std::function<void(const std::string&)>;

  /// `channel` leads to a service that renews tokens; `clock` must outlive the bearer. InvalidArgument when a file can't be read
  /// now, or holds no token.
  static Result<std::unique_ptr<Bearer>> start(Options options, std::shared_ptr<grpc::Channel> channel, const Clock& clock, Complain complain);
  ~Bearer();

  /// "Bearer …", or empty.
  std::string authorization() const;

 private:
  struct Life {
    WallTime issued{}, ends{};
  };
  Bearer(Options options, std::shared_ptr<grpc::Channel> channel, const Clock& clock, Complain complain);
  static Result<Life> life_of(const std::string& token);
  Result<void> take(const std::string& token);
  Result<std::string> renewed() const;
  void keep();
  void look();

  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const Clock& clock_;
  const Complain complain_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // with mutex_
  std::string token_;      // with mutex_
  // The thread's own, once it runs.
  std::string file_text_;
  WallTime renew_at_{};
  std::chrono::seconds pause_{1};  // until the next try of a renewal that failed
  std::jthread thread_;
};

}  // namespace swarm::ctl

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "domain/catalog.hpp"
#include "libs/base/result.hpp"
#include "libs/http/sse.hpp"

namespace swarm::gateway {

/// One stream on its way from an upstream's dialect into the caller's. Not thread-safe.
class StreamTranslation {
 public:
  virtual ~StreamTranslation() = default;
  /// Appends the caller's events for one event of the upstream; often none, sometimes several. What can't be read is left out.
  virtual void event(const http::SseEvent& event, std::string& out) = 0;
  /// The upstream has ended well: appends what the caller's dialect closes a stream with, unless that has been said.
  virtual void finish(std::string& out) = 0;
};

/// Port: chat requests, answers and streams of one dialect in the words of the other, with tools, images and usage. Only
/// for a route whose upstream speaks the other dialect than its caller.
class Translation {
 public:
  virtual ~Translation() = default;
  struct Target {
    std::string_view model;              // what the upstream calls it
    std::uint64_t output_tokens_max = 0; // where the request has no bound and the dialect wants one; 0: unknown
  };
  /// A request of `from`'s dialect in the other one. InvalidArgument names what the other one has no words for.
  virtual Result<std::string> request(std::string_view body, Dialect from, Target target) = 0;
  /// An answer of `from`'s dialect in the other one. Unavailable when it can't be read.
  virtual Result<std::string> answer(std::string_view body, Dialect from, std::string_view model) = 0;
  /// `wants_usage`: OpenAI's callers ask for the usage of a stream.
  virtual std::unique_ptr<StreamTranslation> stream(Dialect from, std::string_view model, bool wants_usage) = 0;
  /// The message in an error body of either dialect; empty when there is none.
  virtual std::string error_message(std::string_view body) = 0;
};

}  // namespace swarm::gateway

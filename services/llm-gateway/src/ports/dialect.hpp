#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/learnt_cost.hpp"
#include "domain/usage.hpp"
#include "libs/base/result.hpp"
#include "libs/http/sse.hpp"

namespace swarm::gateway {

/// What kind of fault a caller is told of; each dialect has its own word for it.
enum class ProblemKind : std::uint8_t {
  InvalidRequest,
  Authentication,
  Permission,
  NotFound,
  MethodNotAllowed,
  TooLarge,
  RateLimit,
  Quota,        // a budget is dry
  Overloaded,   // try again later
  Upstream,     // the provider failed
  Timeout,
};

/// An error answer, in the caller's terms.
struct Problem {
  ProblemKind kind = ProblemKind::InvalidRequest;
  std::string message;
  std::string code;             // machine-readable; empty: the kind's usual one
  std::int64_t retry_after = 0; // seconds; 0: none
  bool retry = false;           // whether trying again is worth while
  int status = 0;               // of HTTP; 0: the kind's usual one
  std::string headers;          // further lines of its answer, each with CRLF
};
int http_status(const Problem& problem);
/// In one word, for logs.
std::string_view name(ProblemKind kind);

/// What the gateway must know of a request's body. Views point into the body.
struct RequestScan {
  std::string model;
  std::size_t model_at = 0;       // its JSON text in the body, quotes included
  std::size_t model_length = 0;
  bool stream = false;
  bool repeatable = false;        // asked for with temperature 0
  bool wants_usage = true;        // false: the caller does not expect the usage of a stream
  std::size_t insert_at = 0;      // where `insert` goes so that the upstream reports usage; 0: nowhere
  std::size_t insert_over = 0;    // bytes there that it replaces
  std::string_view insert;
  RequestSize size;
};

/// What a stream told so far.
struct StreamMeter {
  Usage usage;
  bool has_usage = false;
  bool finished = false;          // its last event came
  bool failed = false;            // an error event came
  bool usage_only = false;        // the last event carries nothing but usage
  std::uint64_t text_bytes = 0;   // of generated text
  std::uint64_t text_events = 0;
};

/// One API surface of one provider family: how its requests, answers, streams and errors read. Keeps parsing buffers,
/// so each thread has its own. `capacity` says how many bytes behind the text are readable.
class DialectCodec {
 public:
  virtual ~DialectCodec() = default;
  /// InvalidArgument says what is wrong in one line.
  virtual Result<RequestScan> scan(std::string_view body, std::size_t capacity) = 0;
  /// Nothing when the answer does not say.
  virtual std::optional<Usage> usage(std::string_view body, std::size_t capacity) = 0;
  virtual void meter(const http::SseEvent& event, StreamMeter& meter) = 0;
  /// A whole error body.
  virtual std::string error_body(const Problem& problem, std::string_view request_id) const = 0;
  /// The same as the last event of a stream that has begun.
  virtual std::string error_event(const Problem& problem, std::string_view request_id) const = 0;
};

}  // namespace swarm::gateway

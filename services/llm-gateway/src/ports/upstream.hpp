#pragma once

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "domain/catalog.hpp"
#include "libs/base/result.hpp"
#include "libs/http/head.hpp"

namespace swarm::gateway {

/// How an exchange with an upstream failed.
enum class UpstreamFault : std::uint8_t {
  Connect,      // refused, unreachable, unknown host, TLS not verified: nothing was sent
  Closed,       // gone before the answer was complete
  Timeout,
  Malformed,    // not HTTP
  TooLarge,
  Cancelled,    // by us
};
std::string_view name(UpstreamFault fault);

/// A request on its way to an upstream. Views must live until the answer's head has come.
struct Outgoing {
  const Upstream* upstream = nullptr;
  std::string_view method = "POST";
  std::string_view path;                   // "/v1/…", with its query
  std::string_view headers;                // further header lines, each with CRLF
  std::array<std::string_view, 5> body{};  // in pieces, so that a splice copies nothing
  std::size_t body_bytes = 0;
};

/// An answer that is arriving. Destroying it gives the connection back to its pool when the body was read to its end, and
/// closes it otherwise.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const http::Head& head() const = 0;
  /// The whole body if it has arrived already, so that small answers need no coroutine.
  virtual bool whole(std::string_view& body) = 0;
  /// Waits for the whole body; TooLarge beyond `bytes_max`.
  virtual boost::asio::awaitable<Result<std::string_view, UpstreamFault>> read_all(std::size_t bytes_max) = 0;
  /// Waits for the next piece of a body; empty at its end. The piece is valid until the next call.
  virtual boost::asio::awaitable<Result<std::string_view, UpstreamFault>> read_some() = 0;
  /// Readable bytes behind the text that whole() or read_all() gave.
  virtual std::size_t padding() const = 0;
  /// Ends it from outside the coroutine that reads: that one sees Cancelled.
  virtual void cancel() = 0;
};

/// Port: one attempt to reach an upstream, from one thread. Never retries except on a pooled connection that turned out
/// to be closed before any byte of an answer.
class UpstreamLink {
 public:
  /// Where cancel() finds the attempt that is going on.
  struct Attempt {
    virtual void cancel() = 0;
   protected:
    ~Attempt() = default;
  };
  virtual ~UpstreamLink() = default;
  /// Sends the request and waits for the answer's head. `current` is set while the attempt can be cancelled.
  virtual boost::asio::awaitable<Result<std::unique_ptr<Exchange>, UpstreamFault>> send(const Outgoing& request,
                                                                                       Attempt** current) = 0;
  /// What the system said of the send() that failed last, e.g. "Connection refused"; empty: nothing.
  virtual const std::string& last_error() const = 0;
  /// Closes what is kept open, and keeps nothing open from now on.
  virtual void drain() = 0;
};

}  // namespace swarm::gateway

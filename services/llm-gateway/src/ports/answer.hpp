#pragma once

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>

namespace swarm::gateway {

/// Port: where an answer goes, an HTTP connection or a gRPC call. Used from one thread. Exactly one of whole() or
/// begin() + send()* + end() for each request; false means that the caller is gone and nothing more need be sent.
class Answer {
 public:
  /// Told once when the caller goes away while the answer is being made.
  struct Hangup {
    virtual void caller_gone() = 0;
   protected:
    ~Hangup() = default;
  };

  virtual ~Answer() = default;
  /// `headers` are complete lines with CRLF, without framing.
  virtual boost::asio::awaitable<bool> whole(int status, std::string_view headers, std::string_view body) = 0;
  virtual boost::asio::awaitable<bool> begin(int status, std::string_view headers) = 0;
  virtual boost::asio::awaitable<bool> send(std::string_view piece) = 0;
  virtual boost::asio::awaitable<bool> end() = 0;
  /// The body can't be completed: the caller must see that it was cut.
  virtual void abort() = 0;
  /// The caller's address, without its port; empty: not known.
  virtual std::string peer() const { return {}; }
  /// Null: don't tell any more.
  virtual void watch(Hangup* hangup) = 0;
};

}  // namespace swarm::gateway

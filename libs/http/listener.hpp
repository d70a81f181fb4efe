#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "libs/base/result.hpp"

namespace swarm::http {

/// One accepted connection's life as a coroutine: it ends when the connection is done. It must watch `stopping()` of
/// the listener between requests and close idle connections at once.
using Session = std::function<boost::asio::awaitable<void>(boost::asio::ip::tcp::socket)>;

struct ListenerOptions {
  std::string listen = "127.0.0.1:0";
  std::size_t connections_max = 10'000;  // further ones are accepted and closed at once
};

/// Accepts TCP connections on one port and runs a Session for each on the io_context. Survives descriptor exhaustion
/// (waits and goes on). Belongs to the io_context's thread(s); stop in two phases.
class Listener {
 public:
  Listener(boost::asio::io_context& io, ListenerOptions options, Session session);
  ~Listener();
  Result<void> start();
  int port() const;
  std::size_t open_connections() const;
  /// No more connections; sessions that wait for a request are cancelled, those at work go on.
  void begin_drain();
  bool stopping() const;
  /// Cancels every session that is left.
  void cancel_all();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace swarm::http

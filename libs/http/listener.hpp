#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <string>

#include "libs/base/result.hpp"
#include "libs/http/peer.hpp"

namespace swarm::http {

/// One accepted connection's life as a coroutine: it ends when the connection is done. While it waits for a request it
/// should enable total cancellation, so that a drain closes it at once; while it works, only terminal cancellation (the
/// default); before it waits again it must ask stopping().
using Session = std::function<boost::asio::awaitable<void>(boost::asio::ip::tcp::socket)>;

struct ListenerOptions {
  std::string listen = "127.0.0.1:0";
  std::size_t connections_max = 10'000;  // further ones are accepted and closed at once
  bool share_port = false;               // SO_REUSEPORT: one listener per thread on the same port
  std::shared_ptr<PeerShares> peers = nullptr;  // null: no limit by peer; one object for all listeners of a port
};

/// Accepts TCP connections on one port and runs a Session for each on the io_context, with TCP_NODELAY. At the
/// descriptor limit it sheds new connections through a spare descriptor and goes on. Not thread-safe: use it on the
/// io_context's only thread. It must outlive the io_context's run().
class Listener {
 public:
  Listener(boost::asio::io_context& io, ListenerOptions options, Session session);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Unavailable when the port is in use or can't be bound, InvalidArgument when the address can't be read.
  Result<void> start();
  /// The bound address, e.g. "127.0.0.1:8080".
  std::string address() const;
  int port() const;

  /// Connections closed at once because of connections_max, their peer's share or the descriptor limit.
  std::uint64_t shed() const;

  /// First phase: no more connections; sessions that wait for a request end, those at work go on.
  void begin_drain();
  bool stopping() const;
  /// Second phase: cancels every session that is left.
  void cancel_all();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace swarm::http

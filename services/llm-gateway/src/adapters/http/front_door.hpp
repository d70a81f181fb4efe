#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

#include "adapters/http/client_connection.hpp"
#include "adapters/http/server_tls.hpp"
#include "application/relay.hpp"
#include "libs/http/listener.hpp"

namespace swarm::gateway {

/// The HTTP port as one thread sees it: accepts connections, finds the route of each request and hands it to the relay.
/// Looks for callers that left at each tick, with one system call for all of them. Belongs to its io_context's thread.
class FrontDoor {
 public:
  struct Options {
    http::ListenerOptions listener;
    ClientLimits limits;
  };
  FrontDoor(boost::asio::io_context& io, async::Deadlines& deadlines, Relay& relay, Probe& probe, const Clock& clock, Options options, std::unique_ptr<ServerTls> tls);

  Result<void> start();
  std::string address() const { return listener_.address(); }
  int port() const { return listener_.port(); }
  /// No more connections, idle ones closed, the others after their answer.
  void begin_drain();
  bool empty() const { return connections_.empty(); }
  void cancel_all();

 private:
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<void> answer(ClientConnection& connection, const ClientRequest& request);
  boost::asio::awaitable<void> refuse(ClientConnection& connection, const ClientRequest& request, Problem problem);
  Call call_of(const ClientRequest& request) const;
  std::optional<Problem> no_route(const Call& call) const;
  bool look_at_head(ClientConnection& connection, const ClientRequest& request, Problem& problem);
  void look_for_hangups();

  async::Deadlines& deadlines_;
  Relay& relay_;
  Probe& probe_;
  const Clock& clock_;
  Options options_;
  std::unique_ptr<ServerTls> tls_;  // null: plain text
  http::Listener listener_;
  std::vector<ClientConnection*> connections_;
  std::vector<pollfd> polled_;
  std::vector<ClientConnection*> watched_;
  bool draining_ = false;
};

}  // namespace swarm::gateway

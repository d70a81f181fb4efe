#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "libs/async/deadlines.hpp"
#include "libs/http/byte_buffer.hpp"
#include "libs/http/chunked.hpp"
#include "ports/answer.hpp"
#include "ports/dialect.hpp"

namespace swarm::gateway {

/// Bounds of what a caller may send, and how slowly.
struct ClientLimits {
  std::size_t head_bytes_max = 32 * 1024;
  std::size_t body_bytes_max = 32u << 20;
  std::chrono::milliseconds head_time{10'000};      // from the first byte of a request to the end of its head
  std::chrono::milliseconds body_time{60'000};
  std::chrono::milliseconds keep_alive{75'000};     // between requests
  std::chrono::milliseconds write_time{60'000};     // without progress
};

/// A request as it stands in the connection's buffer; views live until the answer is complete.
struct ClientRequest {
  http::Head head;
  std::string_view body;
  std::size_t padding = 0;
};

/// One caller's connection: reads requests one after the other (pipelined ones wait in the buffer) and writes their
/// answers. Belongs to one io_context's thread.
class ClientConnection final : public Answer, public async::Deadlines::Watched {
 public:
  enum class Incoming : std::uint8_t { Request, Begun, Closed, Refused };

  ClientConnection(boost::asio::ip::tcp::socket socket, async::Deadlines& deadlines, const ClientLimits& limits);

  /// Before the first request of a connection with TLS; false when it failed.
  boost::asio::awaitable<bool> handshake(std::shared_ptr<boost::asio::ssl::context> tls);
  /// The next request. Begun: its head stands there and its body is still to come, by rest() or, if it is not wanted, never.
  /// Refused: it is malformed or too large; `problem` says why, answer it and close.
  boost::asio::awaitable<Incoming> next(ClientRequest& request, Problem& problem);
  /// The body of the request that has begun. False: it is refused if `problem` says why, else the caller is gone.
  boost::asio::awaitable<bool> rest(ClientRequest& request, Problem& problem);
  /// The request has been answered; false when the connection must be closed.
  bool finished();
  /// After a refusal: lets the caller read the answer before the connection goes.
  boost::asio::awaitable<void> linger();

  boost::asio::awaitable<bool> whole(int status, std::string_view headers, std::string_view body) override;
  boost::asio::awaitable<bool> begin(int status, std::string_view headers) override;
  boost::asio::awaitable<bool> send(std::string_view piece) override;
  boost::asio::awaitable<bool> end() override;
  void abort() override;
  void watch(Hangup* hangup) override { hangup_ = hangup; }
  std::string peer() const override;

  bool idle() const { return idle_; }
  /// Somebody works for the caller and wants to know when it leaves.
  bool watched() const { return hangup_ != nullptr; }
  int native_handle() { return socket_.native_handle(); }
  void caller_gone();
  /// This request is the last one; an idle connection is closed at once.
  void drain();
  void close();

 private:
  void on_deadline() override;
  boost::asio::awaitable<bool> write(std::string_view head, std::string_view body);
  std::size_t write_now(std::string_view text, bool& failed);
  boost::asio::awaitable<bool> read_more(std::size_t room);
  boost::asio::awaitable<bool> read_chunks(std::size_t head_bytes, ClientRequest& request, Problem& problem);
  void write_head(int status, std::string_view headers);

  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<boost::asio::ssl::context> tls_context_;  // shared: a rotated one lives as long as its connections
  std::unique_ptr<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  async::Deadlines& deadlines_;
  const ClientLimits& limits_;
  http::ByteBuffer in_;
  std::string out_;
  std::size_t request_bytes_ = 0;
  Hangup* hangup_ = nullptr;
  bool idle_ = false;
  bool draining_ = false;
  bool keep_alive_ = true;
  bool v11_ = true;         // the request came in HTTP/1.1; 1.0 knows neither chunks nor, unasked, another request
  bool chunked_ = false;
  bool head_only_ = false;  // the request was HEAD: its answer has no body, whatever its length says
};

}  // namespace swarm::gateway

#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <optional>
#include <string>

#include "libs/async/deadlines.hpp"
#include "libs/http/byte_buffer.hpp"
#include "libs/http/chunked.hpp"
#include "ports/upstream.hpp"

namespace swarm::gateway {

/// One connection to an upstream: connects, sends one request at a time and reads its answer. A deadline or cancel()
/// closes the socket, so that whatever waits ends. Belongs to one io_context's thread.
class UpstreamConnection final : public async::Deadlines::Watched, public UpstreamLink::Attempt {
 public:
  using Io = Result<std::size_t, UpstreamFault>;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  UpstreamConnection(boost::asio::io_context& io, async::Deadlines& deadlines, const Upstream& upstream);

  Awaitable<Result<void, UpstreamFault>> connect(boost::asio::ssl::context* tls);
  /// `fixed` are the head's lines that never change for this upstream.
  Awaitable<Result<void, UpstreamFault>> send(const Outgoing& request, std::string_view fixed);
  /// After send(): until the answer's head is complete.
  Awaitable<Result<void, UpstreamFault>> read_head();

  const http::Head& head() const { return head_; }
  bool whole(std::string_view& body);
  Awaitable<Result<std::string_view, UpstreamFault>> read_all(std::size_t bytes_max);
  Awaitable<Result<std::string_view, UpstreamFault>> read_some();

  void cancel() override;
  /// What the system said when something failed last.
  const std::string& error_text() const { return error_text_; }
  /// Nothing of an answer has come yet.
  bool untouched() const { return in_.empty(); }
  /// The answer was read to its end and the peer keeps the connection open.
  bool reusable() const;
  /// Waits for its next request; `keep` is how long.
  void park(std::chrono::milliseconds keep);
  /// False when it was closed, or has something to say that nobody asked for.
  bool unpark();

 private:
  enum class Body : std::uint8_t { None, Length, Chunked, UntilClose };

  void on_deadline() override;
  void arm(std::chrono::milliseconds after);
  void close();
  UpstreamFault fault_of(const boost::system::error_code& error);
  Result<void, UpstreamFault> start_body();
  Result<std::string_view, UpstreamFault> take(char* data, std::size_t size);
  Awaitable<Io> read_into(http::ByteBuffer& buffer, std::size_t room);

  boost::asio::io_context& io_;
  async::Deadlines& deadlines_;
  const Upstream& upstream_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::ip::tcp::resolver resolver_;
  std::unique_ptr<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  std::string out_;
  http::ByteBuffer in_;        // the head, and what of the body came with it; never moves while the head is in use
  http::ByteBuffer body_;      // the rest
  http::Head head_;
  std::size_t head_bytes_ = 0;
  Body mode_ = Body::None;
  std::uint64_t left_ = 0;
  http::ChunkedDecoder chunks_;
  std::chrono::steady_clock::time_point parked_{};
  std::chrono::steady_clock::time_point total_until_{};
  std::string error_text_;
  bool complete_ = false;
  bool broken_ = false;        // what came of the body is not framed as it should be
  bool surplus_ = false;       // bytes behind the answer
  bool cut_ = false;           // the upstream hung up before it had the whole request
  bool timed_out_ = false;
  bool cancelled_ = false;
};

}  // namespace swarm::gateway

#include "adapters/http/client_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <charconv>

#include "adapters/http/reason_phrase.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kFirstRead = 4 * 1024;
constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kCopiedBodyMax = 16 * 1024;
constexpr std::size_t kOutKept = 64 * 1024;
constexpr std::size_t kLingerBytes = 64u << 20;
constexpr std::chrono::milliseconds kLingerTime{3'000};

constexpr char kTlsHandshake = 0x16;
constexpr int kStatusNoContent = 204;
constexpr int kStatusNotModified = 304;
constexpr int kStatusHeadTooLarge = 431;
constexpr int kStatusVersion = 505;

Problem malformed(http::WireFault fault, std::string_view received) {
  Problem problem;
  const bool long_head = fault == http::WireFault::HeadTooLong || fault == http::WireFault::TooManyHeaders;
  problem.kind = long_head || fault == http::WireFault::BodyTooLong ? ProblemKind::TooLarge : ProblemKind::InvalidRequest;
  if (long_head) problem.status = kStatusHeadTooLarge;
  if (fault == http::WireFault::BadVersion) problem.status = kStatusVersion;
  problem.message = "malformed HTTP request: " + std::string(name(fault));
  if (received.starts_with(kTlsHandshake)) problem.message = "a TLS handshake on a port that speaks plain HTTP";
  return problem;
}

Problem too_large(std::size_t bytes_max) {
  Problem problem;
  problem.kind = ProblemKind::TooLarge;
  problem.message = "the request's body is larger than " + std::to_string(bytes_max) + " bytes";
  return problem;
}

}  // namespace

ClientConnection::ClientConnection(asio::ip::tcp::socket socket, async::Deadlines& deadlines, const ClientLimits& limits)
    : socket_(std::move(socket)), deadlines_(deadlines), limits_(limits) {
  boost::system::error_code ignored;  // a peer that is gone already shows at the first read
  socket_.non_blocking(true, ignored);
}

void ClientConnection::on_deadline() {
  close();
  caller_gone();
}

void ClientConnection::caller_gone() {
  keep_alive_ = false;
  if (Hangup* told = std::exchange(hangup_, nullptr)) told->caller_gone();
}

void ClientConnection::drain() {
  draining_ = true;
  if (idle_) close();
}

void ClientConnection::close() {
  boost::system::error_code ignored;  // closed already
  socket_.close(ignored);
}

void ClientConnection::abort() {
  keep_alive_ = false;
  close();
}

std::string ClientConnection::peer() const {
  boost::system::error_code gone;
  const auto endpoint = socket_.remote_endpoint(gone);
  return gone ? std::string() : endpoint.address().to_string();
}

asio::awaitable<bool> ClientConnection::handshake(std::shared_ptr<asio::ssl::context> tls) {
  deadlines_.arm(*this, limits_.head_time);
  tls_context_ = std::move(tls);
  tls_ = std::make_unique<asio::ssl::stream<asio::ip::tcp::socket&>>(socket_, *tls_context_);
  const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kAwait);
  co_return !error;
}

asio::awaitable<bool> ClientConnection::read_more(std::size_t room) {
  char* place = in_.prepare(room);
  const auto space = asio::buffer(place, in_.room());
  boost::system::error_code error;
  std::size_t n = 0;
  if (tls_) std::tie(error, n) = co_await tls_->async_read_some(space, kAwait);
  else std::tie(error, n) = co_await socket_.async_read_some(space, kAwait);
  in_.commit(n);
  co_return n > 0;
}

asio::awaitable<ClientConnection::Incoming> ClientConnection::next(ClientRequest& request, Problem& problem) {
  bool begun = !in_.empty();
  head_only_ = false;
  deadlines_.arm(*this, begun ? limits_.head_time : limits_.keep_alive);
  while (true) {
    if (!in_.empty()) {
      const auto parsed = http::parse_request(in_.view(), request.head);
      if (!parsed || (parsed.value() == 0 && in_.size() > limits_.head_bytes_max)) {
        problem = malformed(parsed ? http::WireFault::HeadTooLong : parsed.error(), in_.view());
        keep_alive_ = false;
        co_return Incoming::Refused;
      }
      if (parsed.value() > 0) {
        request_bytes_ = parsed.value();
        break;
      }
      if (!begun) deadlines_.arm(*this, limits_.head_time);
      begun = true;
    }
    idle_ = in_.empty();
    if (idle_ && draining_) co_return Incoming::Closed;
    if (idle_) in_.shrink(kFirstRead);
    const bool more = co_await read_more(kFirstRead);
    idle_ = false;
    if (!more) co_return Incoming::Closed;
  }
  keep_alive_ = request.head.keep_alive;
  head_only_ = request.head.method == "HEAD";
  v11_ = request.head.v11;
  request.body = {};
  if (request.head.chunked || request.head.content_length.value_or(0) + request_bytes_ > in_.size()) co_return Incoming::Begun;
  const auto length = static_cast<std::size_t>(request.head.content_length.value_or(0));
  request.body = in_.view().substr(request_bytes_, length);
  request_bytes_ += length;
  request.padding = http::ByteBuffer::kPadding;
  async::Deadlines::disarm(*this);
  co_return Incoming::Request;
}

asio::awaitable<bool> ClientConnection::rest(ClientRequest& request, Problem& problem) {
  keep_alive_ = false;  // should it not come whole
  const std::size_t head_bytes = request_bytes_;
  if (request.head.content_length.value_or(0) > limits_.body_bytes_max) {
    problem = too_large(limits_.body_bytes_max);
    co_return false;
  }
  deadlines_.arm(*this, limits_.body_time);
  if (request.head.expect_continue && in_.size() == head_bytes) {
    if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n", "")) co_return false;
    deadlines_.arm(*this, limits_.body_time);
  }
  bool whole = true;
  if (request.head.chunked) {
    whole = co_await read_chunks(head_bytes, request, problem);
  } else {
    const auto length = static_cast<std::size_t>(*request.head.content_length);
    while (whole && in_.size() < head_bytes + length) whole = co_await read_more(head_bytes + length - in_.size());
    request_bytes_ = head_bytes + length;
    request.body = whole ? in_.view().substr(head_bytes, length) : std::string_view();
  }
  // Growing has moved the bytes that the head's views point to.
  const auto again = http::parse_request(in_.view().substr(0, head_bytes), request.head);
  if (!whole || !again) co_return false;
  keep_alive_ = request.head.keep_alive;
  request.padding = http::ByteBuffer::kPadding;
  async::Deadlines::disarm(*this);
  co_return true;
}

asio::awaitable<bool> ClientConnection::read_chunks(std::size_t head_bytes, ClientRequest& request, Problem& problem) {
  http::ChunkedDecoder decoder(limits_.body_bytes_max);
  std::size_t body_end = head_bytes;  // decoded so far; what lies behind is still to be decoded
  while (true) {
    const std::size_t fresh = in_.size() - body_end;
    const auto step = decoder.decode(in_.data() + body_end, fresh);
    if (!step) {
      problem = step.error() == http::WireFault::BodyTooLong ? too_large(limits_.body_bytes_max) : malformed(step.error(), {});
      co_return false;
    }
    const std::size_t surplus = fresh - step.value().consumed;
    std::memmove(in_.data() + body_end + step.value().payload, in_.data() + body_end + step.value().consumed, surplus);
    body_end += step.value().payload;
    in_.truncate(body_end + surplus);
    if (decoder.done()) break;
    if (!co_await read_more(kReadSize)) co_return false;
  }
  request_bytes_ = body_end;
  request.body = in_.view().substr(head_bytes, body_end - head_bytes);
  co_return true;
}

bool ClientConnection::finished() {
  in_.consume(request_bytes_);
  request_bytes_ = 0;
  if (out_.capacity() > kOutKept) std::string().swap(out_);
  return keep_alive_ && !draining_ && socket_.is_open();
}

asio::awaitable<void> ClientConnection::linger() {
  boost::system::error_code ignored;  // the peer may be gone
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  deadlines_.arm(*this, kLingerTime);
  in_.consume(in_.size());
  for (std::size_t read = 0; read < kLingerBytes; read += in_.size()) {
    in_.consume(in_.size());
    if (!co_await read_more(kReadSize)) break;
  }
}

void ClientConnection::write_head(int status, std::string_view headers) {
  std::array<char, 4> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), status).ptr;
  out_.clear();
  out_ += "HTTP/1.1 ";
  out_.append(digits.data(), end);
  out_ += ' ';
  out_ += reason_phrase(status);
  out_ += "\r\n";
  out_ += headers;
  if (!keep_alive_ || draining_) {
    keep_alive_ = false;
    out_ += "connection: close\r\n";
  } else if (!v11_) {
    out_ += "connection: keep-alive\r\n";
  }
}

asio::awaitable<bool> ClientConnection::whole(int status, std::string_view headers, std::string_view body) {
  write_head(status, headers);
  if (status != kStatusNoContent && status != kStatusNotModified) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), body.size()).ptr;
    out_ += "content-length: ";
    out_.append(digits.data(), end);
    out_ += "\r\n";
  }
  out_ += "\r\n";
  if (head_only_) body = {};
  if (body.size() > kCopiedBodyMax) co_return co_await write(out_, body);
  out_ += body;
  bool failed = false;
  const std::size_t n = write_now(out_, failed);
  if (failed || n == out_.size()) co_return !failed;
  co_return co_await write(std::string_view(out_).substr(n), "");
}

/// What the socket takes at once, nearly always everything: an asynchronous write would make a detour through the
/// scheduler.
std::size_t ClientConnection::write_now(std::string_view text, bool& failed) {
  if (tls_) return 0;
  boost::system::error_code error;
  const std::size_t n = socket_.write_some(asio::buffer(text), error);
  failed = error && error != asio::error::would_block;
  if (failed) keep_alive_ = false;
  return failed ? 0 : n;
}

asio::awaitable<bool> ClientConnection::write(std::string_view head, std::string_view body) {
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body)};
  std::size_t written = 0;
  const std::size_t total = head.size() + body.size();
  while (written < total) {
    deadlines_.arm(*this, limits_.write_time);
    std::array<asio::const_buffer, 2> rest = buffers;
    rest[0] += written;
    if (written > head.size()) rest[1] += written - head.size();
    boost::system::error_code error;
    std::size_t n = 0;
    if (tls_) std::tie(error, n) = co_await tls_->async_write_some(rest, kAwait);
    else std::tie(error, n) = co_await socket_.async_write_some(rest, kAwait);
    if (error) {
      keep_alive_ = false;
      co_return false;
    }
    written += n;
  }
  async::Deadlines::disarm(*this);
  co_return true;
}

asio::awaitable<bool> ClientConnection::begin(int status, std::string_view headers) {
  chunked_ = v11_;
  if (!chunked_) keep_alive_ = false;  // its end is where the body ends
  write_head(status, headers);
  out_ += chunked_ ? "transfer-encoding: chunked\r\n\r\n" : "\r\n";
  co_return true;  // goes out with the first piece
}

asio::awaitable<bool> ClientConnection::send(std::string_view piece) {
  if (chunked_) {
    std::array<char, http::kChunkHeadMax> size;
    out_.append(size.data(), http::write_chunk_head(size.data(), piece.size()));
  }
  out_ += piece;
  if (chunked_) out_ += "\r\n";
  bool failed = false;
  const std::size_t n = write_now(out_, failed);
  bool sent = !failed;
  if (sent && n < out_.size()) sent = co_await write(std::string_view(out_).substr(n), "");
  out_.clear();
  co_return sent;
}

asio::awaitable<bool> ClientConnection::end() {
  if (chunked_) out_ += "0\r\n\r\n";
  co_return co_await write(out_, "");
}

}  // namespace swarm::gateway

#include "adapters/upstream/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace swarm::gateway {
namespace asio = boost::asio;
using asio::ip::tcp;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kFirstRead = 8 * 1024;
constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kCopiedBodyMax = 8 * 1024;
// Below this age a parked connection is taken without asking the kernel whether the peer has closed it.
constexpr auto kFresh = std::chrono::milliseconds(500);

}  // namespace

UpstreamConnection::UpstreamConnection(asio::io_context& io, async::Deadlines& deadlines, const Upstream& upstream)
    : io_(io), deadlines_(deadlines), upstream_(upstream), socket_(io), resolver_(io) {}

/// Never beyond the end of the whole attempt.
void UpstreamConnection::arm(std::chrono::milliseconds after) {
  if (upstream_.total_timeout.count() > 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(total_until_ - std::chrono::steady_clock::now());
    after = std::clamp(left, std::chrono::milliseconds(1), after);
  }
  deadlines_.arm(*this, after);
}

void UpstreamConnection::on_deadline() {
  timed_out_ = true;
  close();
}

void UpstreamConnection::cancel() {
  cancelled_ = true;
  close();
}

void UpstreamConnection::close() {
  resolver_.cancel();
  boost::system::error_code ignored;  // closed already
  socket_.close(ignored);
}

UpstreamFault UpstreamConnection::fault_of(const boost::system::error_code& error) {
  error_text_ = error.message();
  if (cancelled_) return UpstreamFault::Cancelled;
  return timed_out_ ? UpstreamFault::Timeout : UpstreamFault::Closed;
}

asio::awaitable<Result<void, UpstreamFault>> UpstreamConnection::connect(asio::ssl::context* tls) {
  deadlines_.arm(*this, upstream_.connect_timeout);
  boost::system::error_code not_an_address;
  const auto address = asio::ip::make_address(upstream_.host, not_an_address);
  boost::system::error_code error;
  if (!not_an_address) {
    const tcp::endpoint endpoint(address, static_cast<unsigned short>(std::stoi(upstream_.port)));
    std::tie(error) = co_await socket_.async_connect(endpoint, kAwait);
  } else {
    auto [unknown, found] = co_await resolver_.async_resolve(upstream_.host, upstream_.port, kAwait);
    error = unknown;
    if (!error) std::tie(error, std::ignore) = co_await asio::async_connect(socket_, found, kAwait);
  }
  if (!error) socket_.set_option(tcp::no_delay(true), error);
  if (!error) socket_.non_blocking(true, error);
  if (!error && tls != nullptr) {
    tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, *tls);
    if (not_an_address) SSL_set_tlsext_host_name(tls_->native_handle(), upstream_.host.c_str());
    tls_->set_verify_callback(asio::ssl::host_name_verification(upstream_.host), error);
    if (!error) std::tie(error) = co_await tls_->async_handshake(asio::ssl::stream_base::client, kAwait);
  }
  async::Deadlines::disarm(*this);
  if (cancelled_) co_return UpstreamFault::Cancelled;
  if (error) {
    error_text_ = timed_out_ ? "timed out" : error.message();
    co_return UpstreamFault::Connect;
  }
  co_return outcome::success();
}

asio::awaitable<Result<void, UpstreamFault>> UpstreamConnection::send(const Outgoing& request, std::string_view fixed) {
  complete_ = surplus_ = cut_ = false;
  in_.consume(in_.size());
  out_.clear();
  out_ += request.method;
  out_ += ' ';
  out_ += upstream_.path_prefix;
  out_ += request.path;
  out_ += fixed;
  out_ += request.headers;
  out_ += "content-length: ";
  out_ += std::to_string(request.body_bytes);
  out_ += "\r\n\r\n";
  std::array<asio::const_buffer, 6> buffers;
  std::size_t count = 0;
  if (request.body_bytes <= kCopiedBodyMax) {
    for (const auto& piece : request.body) out_ += piece;
  } else {
    for (const auto& piece : request.body) {
      if (!piece.empty()) buffers[++count] = asio::buffer(piece);
    }
  }
  buffers[0] = asio::buffer(out_);
  ++count;
  // A request that has not left after the first byte's time-out never will.
  total_until_ = std::chrono::steady_clock::now() + upstream_.total_timeout;
  arm(upstream_.first_byte_timeout);
  boost::system::error_code error;
  std::size_t written = 0;
  if (!tls_ && count == 1) {
    // Nearly always the socket takes it at once; an asynchronous write would make a detour through the scheduler.
    written = socket_.write_some(buffers[0], error);
    if (error == asio::error::would_block) error = {};
  }
  if (!error && (count > 1 || written < out_.size())) {
    buffers[0] += written;
    const std::span<const asio::const_buffer> rest(buffers.data(), count);
    if (tls_) std::tie(error, std::ignore) = co_await asio::async_write(*tls_, rest, kAwait);
    else std::tie(error, std::ignore) = co_await asio::async_write(socket_, rest, kAwait);
  }
  cut_ = error.failed();
  if (error) co_return fault_of(error);
  co_return outcome::success();
}

asio::awaitable<UpstreamConnection::Io> UpstreamConnection::read_into(http::ByteBuffer& buffer, std::size_t room) {
  char* place = buffer.prepare(room);
  const auto space = asio::buffer(place, buffer.room());
  boost::system::error_code error;
  std::size_t n = 0;
  if (tls_) std::tie(error, n) = co_await tls_->async_read_some(space, kAwait);
  else std::tie(error, n) = co_await socket_.async_read_some(space, kAwait);
  buffer.commit(n);
  if (n > 0) co_return n;
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) co_return std::size_t{0};
  co_return fault_of(error);
}

asio::awaitable<Result<void, UpstreamFault>> UpstreamConnection::read_head() {
  while (true) {
    const auto parsed = in_.empty() ? Result<std::size_t, http::WireFault>(std::size_t{0}) : http::parse_response(in_.view(), head_);
    if (!parsed) co_return UpstreamFault::Malformed;
    if (parsed.value() > 0) {
      if (head_.status >= 200) {
        head_bytes_ = parsed.value();
        arm(upstream_.idle_timeout);
        co_return start_body();
      }
      in_.consume(parsed.value());  // 1xx: the answer is still to come
      continue;
    }
    if (in_.size() > kHeadBytesMax) co_return UpstreamFault::Malformed;
    const auto n = co_await read_into(in_, in_.empty() ? kFirstRead : kReadSize);
    if (!n) co_return n.error();
    if (n.value() == 0) co_return in_.empty() ? UpstreamFault::Closed : UpstreamFault::Malformed;
  }
}

Result<void, UpstreamFault> UpstreamConnection::start_body() {
  body_.consume(body_.size());
  broken_ = false;
  left_ = 0;
  if (head_.status == 204 || head_.status == 304) {
    mode_ = Body::None;
    complete_ = true;
    surplus_ = in_.size() > head_bytes_;
  } else if (head_.chunked) {
    mode_ = Body::Chunked;
    chunks_ = http::ChunkedDecoder();
  } else if (head_.content_length) {
    mode_ = Body::Length;
    left_ = *head_.content_length;
    complete_ = left_ == 0;
  } else {
    mode_ = Body::UntilClose;
  }
  return outcome::success();
}

/// Takes the framing out of bytes that have come; the body's part of them stands at their beginning.
Result<std::string_view, UpstreamFault> UpstreamConnection::take(char* data, std::size_t size) {
  if (mode_ == Body::Chunked) {
    const auto step = chunks_.decode(data, size);
    if (!step) return UpstreamFault::Malformed;
    complete_ = chunks_.done();
    surplus_ = step.value().consumed < size;
    return std::string_view(data, step.value().payload);
  }
  if (mode_ == Body::Length) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size));
    left_ -= n;
    complete_ = left_ == 0;
    surplus_ = n < size;
    return std::string_view(data, n);
  }
  return std::string_view(data, size);
}

bool UpstreamConnection::whole(std::string_view& body) {
  const std::size_t rest = in_.size() - head_bytes_;
  if (mode_ == Body::Length && rest < left_) return false;
  // A chunked answer is usually ended by the piece that it came in; else decoding it here would lose its place.
  if (mode_ == Body::Chunked && !in_.view().ends_with("0\r\n\r\n")) return false;
  if (mode_ == Body::UntilClose) return false;
  const auto taken = take(in_.data() + head_bytes_, rest);
  in_.truncate(head_bytes_);
  broken_ = !taken;
  if (broken_) return false;
  if (!complete_) {  // chunked, and the end was only the look of one
    body_.append(taken.value());
    return false;
  }
  body = taken.value();
  return true;
}

asio::awaitable<Result<std::string_view, UpstreamFault>> UpstreamConnection::read_all(std::size_t bytes_max) {
  if (broken_) co_return UpstreamFault::Malformed;
  const std::size_t rest = in_.size() - head_bytes_;
  if (mode_ == Body::Length) {
    if (left_ > bytes_max) co_return UpstreamFault::TooLarge;
    body_.prepare(static_cast<std::size_t>(left_));
  }
  if (rest > 0) {
    const auto first = take(in_.data() + head_bytes_, rest);
    if (!first) co_return first.error();
    body_.append(first.value());
    in_.truncate(head_bytes_);
  }
  while (!complete_) {
    const std::size_t before = body_.size();
    if (before > bytes_max) co_return UpstreamFault::TooLarge;
    const auto n = co_await read_into(body_, mode_ == Body::Length ? static_cast<std::size_t>(left_) : kReadSize);
    if (!n) co_return n.error();
    if (n.value() == 0) {
      if (mode_ != Body::UntilClose) co_return UpstreamFault::Closed;
      break;
    }
    arm(upstream_.idle_timeout);
    const auto taken = take(body_.data() + before, n.value());
    if (!taken) co_return taken.error();
    body_.truncate(before + taken.value().size());
  }
  co_return body_.view();
}

asio::awaitable<Result<std::string_view, UpstreamFault>> UpstreamConnection::read_some() {
  if (const std::size_t rest = in_.size() - head_bytes_; rest > 0) {
    const auto first = take(in_.data() + head_bytes_, rest);
    if (!first) co_return first.error();
    // The bytes stay where they are until the next answer; only the count forgets them.
    in_.truncate(head_bytes_);
    if (!first.value().empty()) co_return first.value();
  }
  while (!complete_) {
    body_.consume(body_.size());
    const auto n = co_await read_into(body_, kReadSize);
    if (!n) co_return n.error();
    if (n.value() == 0) {
      if (mode_ != Body::UntilClose) co_return UpstreamFault::Closed;
      break;
    }
    arm(upstream_.idle_timeout);
    const auto taken = take(body_.data(), n.value());
    if (!taken) co_return taken.error();
    if (!taken.value().empty()) co_return taken.value();
  }
  co_return std::string_view();
}

bool UpstreamConnection::reusable() const {
  return complete_ && !surplus_ && !cut_ && !cancelled_ && !timed_out_ && head_.keep_alive && mode_ != Body::UntilClose &&
         socket_.is_open();
}

void UpstreamConnection::park(std::chrono::milliseconds keep) {
  in_.consume(in_.size());
  body_.consume(body_.size());
  in_.shrink(kReadSize);
  body_.shrink(kReadSize);
  parked_ = std::chrono::steady_clock::now();
  deadlines_.arm(*this, keep);
}

bool UpstreamConnection::unpark() {
  if (!socket_.is_open()) return false;
  if (std::chrono::steady_clock::now() - parked_ < kFresh) return true;
  char byte = 0;
  boost::system::error_code error;
  socket_.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, error);
  return error == asio::error::would_block;
}

}  // namespace swarm::gateway

#include "adapters/upstream/curl_link.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kStreamRoom = 256 * 1024;  // of an answer that nobody takes
constexpr std::size_t kPadding = 64;

std::string url_of(const Outgoing& request) {
  const Upstream& upstream = *request.upstream;
  const bool v6 = upstream.host.find(':') != std::string::npos;
  return std::string(upstream.tls ? "https://" : "http://") + (v6 ? "[" + upstream.host + "]" : upstream.host) + ":" + upstream.port +
         upstream.path_prefix + std::string(request.path);
}

bool is_connect_fault(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return true;
    default: return false;
  }
}

/// One request and its answer.
class Transfer final : public UpstreamLink::Attempt, public CurlLoop::Ended {
 public:
  Transfer(asio::io_context& io, std::shared_ptr<CurlLoop> loop, const Upstream& upstream)
      : loop_(std::move(loop)), upstream_(upstream), wake_(io), easy_(curl_easy_init()) {}
  ~Transfer() {
    loop_->remove(easy_);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(lines_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void start(const Outgoing& request) {
    prepare(request);
    loop_->add(easy_, this);
  }
  asio::awaitable<Result<void, UpstreamFault>> read_head() {
    const auto until = std::chrono::steady_clock::now() + upstream_.connect_timeout + upstream_.first_byte_timeout;
    while (!head_done_ && !done_) {
      const bool goes_on = co_await progress(until);
      if (!goes_on) co_return fault();
    }
    if (!head_done_ || malformed_) co_return fault();
    co_return outcome::success();
  }
  asio::awaitable<Result<std::string_view, UpstreamFault>> read_some() {
    piece_.clear();
    while (buffer_.empty() && !done_) {
      const auto until = idle_end();
      const bool goes_on = co_await progress(until);
      if (!goes_on) co_return fault();
    }
    if (buffer_.empty() && result_ != CURLE_OK) co_return fault();
    piece_.swap(buffer_);
    resume();
    const std::string_view piece(piece_);
    co_return piece;
  }
  asio::awaitable<Result<std::string_view, UpstreamFault>> read_all(std::size_t bytes_max) {
    room_ = bytes_max + 1;
    resume();
    while (!done_ && buffer_.size() <= bytes_max) {
      const auto until = idle_end();
      const bool goes_on = co_await progress(until);
      if (!goes_on) co_return fault();
    }
    if (buffer_.size() > bytes_max) co_return UpstreamFault::TooLarge;
    if (result_ != CURLE_OK) co_return fault();
    std::string_view body;
    whole(body);
    co_return body;
  }
  bool whole(std::string_view& body) {
    if (!done_ || result_ != CURLE_OK) return false;
    const std::size_t size = buffer_.size();
    buffer_.append(kPadding, '\0');
    piece_.swap(buffer_);
    buffer_.clear();
    body = std::string_view(piece_).substr(0, size);
    return true;
  }

  void cancel() override {
    cancelled_ = true;
    wake_.cancel();
  }
  void ended(CURLcode result) override {
    done_ = true;
    result_ = result;
    wake_.cancel();
  }
  const http::Head& head() const { return head_; }
  std::string error_text() const {
    if (timed_out_) return "timed out";
    return error_[0] != '\0' ? std::string(error_.data()) : std::string(curl_easy_strerror(result_));
  }
  UpstreamFault fault() const {
    if (cancelled_) return UpstreamFault::Cancelled;
    curl_off_t sent = 0;
    curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &sent);
    if (timed_out_ || result_ == CURLE_OPERATION_TIMEDOUT) return sent == 0 ? UpstreamFault::Connect : UpstreamFault::Timeout;
    if (malformed_ || result_ == CURLE_WEIRD_SERVER_REPLY || result_ == CURLE_UNSUPPORTED_PROTOCOL) return UpstreamFault::Malformed;
    return is_connect_fault(result_) ? UpstreamFault::Connect : UpstreamFault::Closed;
  }

 private:
  void add_line(const std::string& line) { lines_ = curl_slist_append(lines_, line.c_str()); }

  void prepare(const Outgoing& request) {
    for (const auto& part : request.body) body_ += part;
    std::string_view rest = request.headers;
    for (std::size_t end = 0; (end = rest.find("\r\n")) != std::string_view::npos; rest.remove_prefix(end + 2)) add_line(std::string(rest.substr(0, end)));
    if (!upstream_.api_key.empty()) {
      add_line((upstream_.dialect == Dialect::Anthropic ? "x-api-key: " : "authorization: Bearer ") + upstream_.api_key.reveal());
    }
    for (const auto& [name, value] : upstream_.headers) add_line(name + ": " + value);
    add_line("expect:");
    if (request.headers.find("ontent-type:") == std::string_view::npos && request.headers.find("ontent-Type:") == std::string_view::npos) {
      add_line("content-type:");  // libcurl would name one of its own
    }
    const std::string url = url_of(request);
    const std::string method(request.method);
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy_, option, value); };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_PROXY, upstream_.proxy.c_str());  // empty: none, whatever the environment says
    // Over TLS only: libcurl 7.88 breaks a plain connection of HTTP/2 at its second request.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(upstream_.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    set(CURLOPT_PIPEWAIT, upstream_.http2 ? 1L : 0L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(upstream_.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(upstream_.total_timeout.count()));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!upstream_.ca_file.empty()) set(CURLOPT_CAINFO, upstream_.ca_file.c_str());
    set(CURLOPT_HTTPHEADER, lines_);
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
    if (method == "GET" && body_.empty()) {
      set(CURLOPT_HTTPGET, 1L);
    } else {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
      set(CURLOPT_POSTFIELDS, body_.c_str());
    }
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
  }

  std::chrono::steady_clock::time_point idle_end() const { return std::chrono::steady_clock::now() + upstream_.idle_timeout; }

  /// False when the time is over, or the caller has left.
  asio::awaitable<bool> progress(std::chrono::steady_clock::time_point until) {
    if (cancelled_) co_return false;
    const std::size_t before = buffer_.size();
    wake_.expires_at(until);
    const auto [woken] = co_await wake_.async_wait(kAwait);
    timed_out_ = !woken && !done_ && !cancelled_ && buffer_.size() == before && !head_fresh_;
    head_fresh_ = false;
    co_return !cancelled_ && !timed_out_;
  }

  void resume() {
    if (!paused_) return;
    paused_ = false;
    curl_easy_pause(easy_, CURLPAUSE_CONT);
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->take_header({data, size}) ? size : 0;
  }
  bool take_header(std::string_view line) {
    if (head_done_) return true;  // trailers
    if (line.starts_with("HTTP/")) {
      const std::size_t blank = line.find(' ');
      const std::string_view code = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1, 3);
      head_text_ = "HTTP/1.1 " + std::string(code) + " -\r\n";
      return true;
    }
    head_text_ += line;
    if (head_text_.size() > kHeadBytesMax) malformed_ = true;
    if (malformed_ || line != "\r\n") return !malformed_;
    const auto parsed = http::parse_response(head_text_, head_);
    malformed_ = !parsed || parsed.value() == 0;
    if (malformed_ || head_.status < 200) return !malformed_;
    head_done_ = head_fresh_ = true;
    wake_.cancel();
    return true;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.buffer_.size() >= transfer.room_) {
      transfer.paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    transfer.buffer_.append(data, size);
    transfer.wake_.cancel();
    return size;
  }

  std::shared_ptr<CurlLoop> loop_;
  const Upstream& upstream_;
  asio::steady_timer wake_;
  CURL* easy_;
  curl_slist* lines_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::string body_;
  std::string head_text_;       // stays where it is once head_ points into it
  http::Head head_;
  std::string buffer_;
  std::string piece_;
  std::size_t room_ = kStreamRoom;
  CURLcode result_ = CURLE_OK;
  bool head_done_ = false;
  bool head_fresh_ = false;
  bool malformed_ = false;
  bool done_ = false;
  bool paused_ = false;
  bool cancelled_ = false;
  bool timed_out_ = false;
};

class CurlExchange final : public Exchange {
 public:
  explicit CurlExchange(std::unique_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
  const http::Head& head() const override { return transfer_->head(); }
  bool whole(std::string_view& body) override { return transfer_->whole(body); }
  asio::awaitable<Result<std::string_view, UpstreamFault>> read_all(std::size_t bytes_max) override { return transfer_->read_all(bytes_max); }
  asio::awaitable<Result<std::string_view, UpstreamFault>> read_some() override { return transfer_->read_some(); }
  std::size_t padding() const override { return kPadding; }
  void cancel() override { transfer_->cancel(); }

 private:
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace

asio::awaitable<Result<std::unique_ptr<Exchange>, UpstreamFault>> CurlLink::send(const Outgoing& request, Attempt** current) {
  auto transfer = std::make_unique<Transfer>(io_, loop_, *request.upstream);
  *current = transfer.get();
  transfer->start(request);
  const auto read = co_await transfer->read_head();
  *current = nullptr;
  if (!read) {
    last_error_ = transfer->error_text();
    co_return read.error();
  }
  co_return std::make_unique<CurlExchange>(std::move(transfer));
}

}  // namespace swarm::gateway

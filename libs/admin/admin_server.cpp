#include "libs/admin/admin_server.hpp"

#include <openssl/crypto.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include <atomic>
#include <optional>
#include <thread>

#include "libs/base/clock.hpp"
#include "libs/http/listener.hpp"
#include "libs/telemetry/line_quota.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::admin {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kRequestTime{5};
constexpr std::uint32_t kHeaderBytesMax = 8 << 10;
constexpr std::size_t kConnectionsMax = 64;

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

Response reply(const Request& request, http::status status, std::string_view type, std::string body) {
  Response response(status, request.version());
  response.set(http::field::content_type, boost::core::string_view(type.data(), type.size()));
  response.keep_alive(request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  return response;
}

/// The status for what is no request; nothing for a connection that ended or was too slow.
std::optional<http::status> refusal(const beast::error_code& bad) {
  if (bad == http::error::header_limit) return http::status::request_header_fields_too_large;
  if (bad == http::error::body_limit) return http::status::payload_too_large;
  const bool ended = bad == http::error::end_of_stream || bad == http::error::partial_message;
  if (ended || bad.category() != http::make_error_code(http::error::bad_method).category()) return std::nullopt;
  return http::status::bad_request;
}

void log_refusal(http::status status, const std::string& cause) {
  static log::LineQuota quota(5);
  const auto withheld = quota.take();
  if (!withheld) return;
  log::info("admin request refused", {{"status", static_cast<int>(status)}, {"error", cause}, {"lines_withheld", *withheld}});
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

struct AdminServer::Impl {
  Impl(Options opts, metrics::Registry& metrics, std::function<std::vector<Readiness>()> ready)
      : options(std::move(opts)),
        registry(metrics),
        readiness(std::move(ready)),
        listener(io, {options.listen, kConnectionsMax, false},
                 [this](asio::ip::tcp::socket socket) { return serve(std::move(socket)); }) {}

  asio::awaitable<void> serve(asio::ip::tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer;
    while (!listener.stopping()) {
      http::request_parser<http::empty_body> parser;
      parser.header_limit(kHeaderBytesMax);
      parser.body_limit(0);
      stream.expires_after(kRequestTime);
      co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
      auto [bad, read] = co_await http::async_read(stream, buffer, parser, kAwait);
      if (bad) {
        const auto refused = refusal(bad);
        if (!refused) co_return;  // it left, or said nothing in time
        auto last = reply({}, *refused, "text/plain", bad.message() + "; served here: GET /metrics /livez /readyz\n");
        last.keep_alive(false);
        log_refusal(*refused, bad.message());
        (void)co_await http::async_write(stream, last, kAwait);
        break;
      }
      co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
      auto response = answer(parser.get());
      const bool keep = response.keep_alive() && !listener.stopping();
      auto [broken, written] = co_await http::async_write(stream, response, kAwait);
      if (broken || !keep) break;
    }
    beast::error_code ignored;  // the peer may have closed first
    stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }

  Response answer(const Request& request) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return reply(request, http::status::method_not_allowed, "text/plain", "only GET is served here\n");
    }
    const auto target = request.target().substr(0, request.target().find('?'));
    if (target == "/livez") return reply(request, http::status::ok, "text/plain", "ok\n");
    if (target == "/readyz") return ready(request);
    if (target == "/metrics") return metrics_page(request);
    return reply(request, http::status::not_found, "text/plain", "served here: /metrics /livez /readyz\n");
  }

  Response metrics_page(const Request& request) {
    const auto& token = options.metrics_token;
    const auto given = request[http::field::authorization];
    if (!token.empty() && !same_secret({given.data(), given.size()}, "Bearer " + token.reveal())) {
      return reply(request, http::status::unauthorized, "text/plain", "a bearer token is needed\n");
    }
    return reply(request, http::status::ok, "text/plain; version=0.0.4; charset=utf-8", registry.serialize());
  }

  Response ready(const Request& request) {
    bool good = !draining;
    boost::json::array checks;
    for (const auto& check : readiness()) {
      good = good && (check.ok || !check.required);
      checks.push_back({{"name", check.name}, {"ok", check.ok}, {"required", check.required}, {"detail", check.detail}});
    }
    const boost::json::object body{{"ready", good},
                                   {"draining", draining.load()},
                                   {"version", SWARM_VERSION},
                                   {"now_unix_ms", unix_ms(SystemClock().wall_now())},
                                   {"checks", std::move(checks)}};
    return reply(request, good ? http::status::ok : http::status::service_unavailable, "application/json",
                 boost::json::serialize(body) + "\n");
  }

  Options options;
  metrics::Registry& registry;
  std::function<std::vector<Readiness>()> readiness;
  asio::io_context io{1};
  swarm::http::Listener listener;
  std::string address;
  std::atomic<bool> draining = false;
  std::jthread thread;
};

AdminServer::AdminServer(Options options, metrics::Registry& registry, std::function<std::vector<Readiness>()> readiness)
    : impl_(std::make_unique<Impl>(std::move(options), registry, std::move(readiness))) {}

AdminServer::~AdminServer() { stop(); }

Result<void> AdminServer::start() {
  BOOST_OUTCOME_TRY(impl_->listener.start());
  impl_->address = impl_->listener.address();
  impl_->thread = std::jthread([this] { impl_->io.run(); });
  return outcome::success();
}

std::string AdminServer::address() const { return impl_->address; }

void AdminServer::set_draining() { impl_->draining = true; }

void AdminServer::stop() {
  if (!impl_->thread.joinable()) return;
  asio::post(impl_->io, [this] {
    impl_->listener.begin_drain();
    impl_->listener.cancel_all();
  });
  impl_->thread.join();
}

}  // namespace swarm::admin

#include "libs/http/fetch.hpp"

#include <openssl/ssl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace swarm::http {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

using Request = beast::http::request<beast::http::string_body>;
using Code = boost::system::error_code;

/// Asio's futures want something that can be made of nothing.
struct Exchange {
  Code failed;
  FetchAnswer answer;
};

/// By reference to what outlives the coroutine: fetch() waits for it or destroys it with its io_context.
template <class Stream>
asio::awaitable<Exchange> talk(Stream& stream, const Request& request, std::size_t bytes_max) {
  Exchange done;
  auto [broken, written] = co_await beast::http::async_write(stream, request, kAwait);
  if (broken) {
    done.failed = broken;
    co_return done;
  }
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(bytes_max);
  auto [bad, read] = co_await beast::http::async_read(stream, buffer, parser, kAwait);
  done.failed = bad;
  if (!bad) done.answer = {static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
  co_return done;
}

asio::awaitable<Code> reach(beast::tcp_stream& stream, const Url& url, std::chrono::milliseconds time_max) {
  asio::ip::tcp::resolver resolver(stream.get_executor());
  auto [unknown, endpoints] = co_await resolver.async_resolve(url.host, url.port, kAwait);
  if (unknown) co_return unknown;
  stream.expires_after(time_max);
  auto [refused, connected] = co_await stream.async_connect(endpoints, kAwait);
  co_return refused;
}

asio::awaitable<Exchange> plain(const Url& url, const Request& request, const FetchOptions& options) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  Exchange done;
  done.failed = co_await reach(stream, url, options.time_max);
  if (done.failed) co_return done;
  co_return co_await talk(stream, request, options.answer_bytes_max);
}

asio::awaitable<Exchange> secured(const Url& url, const Request& request, const FetchOptions& options, asio::ssl::context& tls) {
  beast::ssl_stream<beast::tcp_stream> stream(co_await asio::this_coro::executor, tls);
  Exchange done;
  done.failed = co_await reach(stream.next_layer(), url, options.time_max);
  if (done.failed) co_return done;
  SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
  auto [strange] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAwait);
  done.failed = strange;
  if (done.failed) co_return done;
  co_return co_await talk(stream, request, options.answer_bytes_max);
}

Result<void> set_up(asio::ssl::context& tls, const std::string& ca_file) {
  Code failed;
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 | asio::ssl::context::no_sslv3 |
                  asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, failed);
  tls.set_verify_mode(asio::ssl::verify_peer, failed);
  if (ca_file.empty()) tls.set_default_verify_paths(failed);
  else tls.load_verify_file(ca_file, failed);
  if (failed) return Error{swarm::Code::Unavailable, "can't read the roots in " + ca_file + ": " + failed.message()};
  return outcome::success();
}

Request request_for(const Url& url, const std::string& content_type, const std::string& body) {
  Request request(body.empty() ? beast::http::verb::get : beast::http::verb::post, url.path, 11);
  request.set(beast::http::field::host, url.host + ":" + url.port);
  request.set(beast::http::field::user_agent, "swarm/" SWARM_VERSION);
  request.set(beast::http::field::accept, "application/json");
  request.set(beast::http::field::connection, "close");
  if (!body.empty()) request.set(beast::http::field::content_type, content_type);
  request.body() = body;
  request.prepare_payload();
  return request;
}

}  // namespace

Result<Url> Url::parse(std::string_view text, std::string_view port_default) {
  const Error wrong{swarm::Code::InvalidArgument, "not like https://host:4318/path: " + std::string(text)};
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) url.tls = true;
  else if (!rest.starts_with("http://")) return wrong;
  rest.remove_prefix(url.tls ? 8 : 7);
  const auto slash = rest.find('/');
  const auto authority = rest.substr(0, slash);
  url.path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  const auto bracket = authority.find(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  url.host = authority.substr(0, colon);
  if (colon != std::string_view::npos) url.port = authority.substr(colon + 1);
  else if (!port_default.empty()) url.port = port_default;
  else url.port = url.tls ? "443" : "80";
  if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
  const bool digits = !url.port.empty() && url.port.size() <= 5 && url.port.find_first_not_of("0123456789") == std::string::npos;
  if (url.host.empty() || !digits || text.find_first_of(" \r\n\t@") != std::string::npos) return wrong;
  return url;
}

Result<FetchAnswer> fetch(const Url& url, const std::string& content_type, const std::string& body, const FetchOptions& options) {
  const Request request = request_for(url, content_type, body);
  asio::ssl::context tls(asio::ssl::context::tls_client);
  if (url.tls) {
    BOOST_OUTCOME_TRYV(set_up(tls, options.ca_file));
  }
  asio::io_context io(1);
  auto exchange = url.tls ? asio::co_spawn(io, secured(url, request, options, tls), asio::use_future)
                          : asio::co_spawn(io, plain(url, request, options), asio::use_future);
  const std::stop_callback end_early(options.stop, [&io] { io.stop(); });
  io.run_for(options.time_max);
  if (exchange.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return Error{swarm::Code::Unavailable, "no answer within " + std::to_string(options.time_max.count()) + " ms"};
  }
  auto done = exchange.get();
  if (done.failed) return Error{swarm::Code::Unavailable, done.failed.message()};
  return std::move(done.answer);
}

}  // namespace swarm::http

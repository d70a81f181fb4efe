#include "libs/otlp/collector.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace swarm::otlp {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kTimeMax{5};
constexpr std::size_t kAnswerBytesMax = 64 << 10;

/// Asio's futures want something that can be made of nothing.
struct Answer {
  boost::system::error_code failed;
  int status = 0;
};
Answer away(const boost::system::error_code& error) { return Answer{error, 0}; }

using Request = http::request<http::string_body>;

asio::awaitable<Answer> exchange(std::string host, std::string port, Request request) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  asio::ip::tcp::resolver resolver(stream.get_executor());
  auto [unknown, endpoints] = co_await resolver.async_resolve(host, port, kAwait);
  if (unknown) co_return away(unknown);
  stream.expires_after(kTimeMax);
  auto [refused, connected] = co_await stream.async_connect(endpoints, kAwait);
  if (refused) co_return away(refused);
  auto [broken, written] = co_await http::async_write(stream, request, kAwait);
  if (broken) co_return away(broken);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  auto [bad, read] = co_await http::async_read(stream, buffer, parser, kAwait);
  if (bad) co_return away(bad);
  co_return Answer{{}, static_cast<int>(parser.get().result_int())};
}

}  // namespace

Result<Collector> Collector::parse(std::string_view endpoint) {
  constexpr std::string_view kScheme = "http://";
  const Error wrong{Code::InvalidArgument, "not like http://host:4318/v1/traces: " + std::string(endpoint)};
  if (endpoint.starts_with("https://")) return Error{Code::InvalidArgument, "https is not spoken here: run a collector beside the service, or a proxy that adds TLS"};
  if (!endpoint.starts_with(kScheme)) return wrong;
  Collector made;
  made.endpoint_ = endpoint;
  endpoint.remove_prefix(kScheme.size());
  const auto slash = endpoint.find('/');
  const auto authority = endpoint.substr(0, slash);
  made.path_ = slash == std::string_view::npos ? "/" : std::string(endpoint.substr(slash));
  const auto bracket = authority.find(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  made.host_ = authority.substr(0, colon);
  made.port_ = colon == std::string_view::npos ? "4318" : std::string(authority.substr(colon + 1));
  if (made.host_.starts_with('[') && made.host_.ends_with(']')) made.host_ = made.host_.substr(1, made.host_.size() - 2);
  const bool digits = !made.port_.empty() && made.port_.size() <= 5 && made.port_.find_first_not_of("0123456789") == std::string::npos;
  if (made.host_.empty() || !digits || made.endpoint_.find_first_of(" \r\n\t@") != std::string::npos) return wrong;
  return made;
}

Result<int> Collector::post(const std::string& json) const {
  Request request(http::verb::post, path_, 11);
  request.set(http::field::host, host_ + ":" + port_);
  request.set(http::field::content_type, "application/json");
  request.set(http::field::user_agent, "swarm/" SWARM_VERSION);
  request.set(http::field::connection, "close");
  request.body() = json;
  request.prepare_payload();
  asio::io_context io(1);
  auto answer = asio::co_spawn(io, exchange(host_, port_, std::move(request)), asio::use_future);
  io.run_for(kTimeMax);
  if (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return Error{Code::Unavailable, "no answer within 5 s"};
  const auto got = answer.get();
  if (got.failed) return Error{Code::Unavailable, got.failed.message()};
  return got.status;
}

}  // namespace swarm::otlp

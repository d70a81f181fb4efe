#include "libs/http/endpoint.hpp"

#include <charconv>

namespace swarm::http {
namespace asio = boost::asio;

Result<asio::ip::tcp::endpoint> parse_endpoint(std::string_view text) {
  const Error malformed{Code::InvalidArgument, "not host:port: " + std::string(text)};
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return malformed;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  unsigned short port = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc() || end != digits.data() + digits.size()) return malformed;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) return asio::ip::tcp::endpoint(asio::ip::address_v6::any(), port);
  if (host == "localhost") return asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port);
  boost::system::error_code bad;
  const auto address = asio::ip::make_address(std::string(host), bad);
  if (bad) return malformed;
  return asio::ip::tcp::endpoint(address, port);
}

std::string to_text(const asio::ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

}  // namespace swarm::http

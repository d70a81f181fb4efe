#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <string_view>

#include "libs/base/result.hpp"

namespace swarm::http {

/// "127.0.0.1:8080", "[::1]:8080", "localhost:0" or ":8080" (every address) as an endpoint to listen on. No look-up in
/// the DNS. InvalidArgument names the text.
Result<boost::asio::ip::tcp::endpoint> parse_endpoint(std::string_view text);

/// The endpoint as "127.0.0.1:8080" or "[::1]:8080".
std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace swarm::http

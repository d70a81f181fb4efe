#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "libs/base/result.hpp"

namespace swarm::http {

/// Where one request goes.
struct Url {
  bool tls = false;
  std::string host;
  std::string port;
  std::string path;  // with the query

  /// http://host[:port]/path, or https. InvalidArgument says what is wrong. Without a port: `port_default`, or 80 and 443.
  static Result<Url> parse(std::string_view text, std::string_view port_default = {});
};

struct FetchOptions {
  std::string ca_file;  // PEM roots that the server's certificate must come from; empty: the machine's
  std::chrono::milliseconds time_max{5'000};
  std::size_t answer_bytes_max = 64 << 10;
  std::stop_token stop = {};  // ends it early
};

struct FetchAnswer {
  int status = 0;
  std::string body;
};

/// One request on a connection of its own, for what is seldom asked and may wait: blocks for at most `time_max`, and
/// until a look-up of the name that has begun is over. TLS 1.2 or newer,
/// certificate and name verified. GET without a body, else POST. Redirections are not followed. Unavailable when there is no answer.
Result<FetchAnswer> fetch(const Url& url, const std::string& content_type, const std::string& body, const FetchOptions& options);

}  // namespace swarm::http

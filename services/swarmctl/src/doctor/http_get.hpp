#pragma once

#include <chrono>
#include <string>

#include "libs/base/result.hpp"

namespace swarm::ctl {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// Whom to believe and what to show over https; all may be empty.
struct HttpTls {
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
};

/// One GET with a bounded answer (4 MiB), no redirects, no proxy. Error: Unavailable with curl's reason.
Result<HttpAnswer> http_get(const std::string& url, std::chrono::milliseconds timeout, const HttpTls& tls = {});

}  // namespace swarm::ctl

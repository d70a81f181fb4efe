#pragma once

#include <chrono>
#include <string>

#include "libs/base/result.hpp"

namespace swarm::ctl {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

/// One GET with a bounded answer (4 MiB), no redirects, no proxy. Error: Unavailable with curl's reason.
Result<HttpAnswer> http_get(const std::string& url, std::chrono::milliseconds timeout);

}  // namespace swarm::ctl

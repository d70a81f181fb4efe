#pragma once

#include <chrono>
#include <string>

#include "libs/base/result.hpp"
#include "peer.hpp"

namespace swarm::ctl {

/// Where and how a call was made, for telling why it failed.
struct CallSite {
  Peer peer = Peer::Orchestrator;
  std::string address;
  std::chrono::milliseconds timeout{0};
  std::string trace_id;
  bool tls = false;
};

/// One line: what failed, at which address, and what to do next.
std::string explain(const Error& error, const CallSite& site);

/// The same in a few words, for where address and remedy stand already.
std::string explain_briefly(const Error& error, const CallSite& site);

/// What gRPC says of an address that it can't reach, without the list of what it tried.
std::string short_cause(const std::string& message);

}  // namespace swarm::ctl

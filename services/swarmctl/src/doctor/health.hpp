#pragma once

#include "libs/base/result.hpp"
#include "session.hpp"

namespace swarm::ctl {

/// Asks grpc.health.v1 of the peer: true if it is SERVING. The error is the call's.
Result<bool> is_serving(Session& session, Peer peer, std::chrono::milliseconds timeout);

}  // namespace swarm::ctl

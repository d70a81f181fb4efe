#pragma once

#include "libs/base/result.hpp"
#include "session.hpp"

namespace swarm::ctl {

/// Asks grpc.health.v1 of the peer for its own service: true if it is SERVING. The error is the call's; NotFound when some
/// other program answers at that address.
Result<bool> is_serving(Session& session, Peer peer, std::chrono::milliseconds timeout);

}  // namespace swarm::ctl

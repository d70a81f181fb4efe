#pragma once

#include "libs/auth/access.hpp"

namespace swarm::orchestrator::grpc_api {

/// Which role may call what, for every RPC that the orchestrator serves.
auth::AccessTable access_table();

}  // namespace swarm::orchestrator::grpc_api

#pragma once

#include "libs/auth/access.hpp"

namespace swarm::gateway {

/// Who may call which RPC of the gateway.
auth::AccessTable access_table();

}  // namespace swarm::gateway

#pragma once

#include "libs/auth/access.hpp"

namespace swarm::analyst::adapters {

/// Who may call which of this service's RPCs.
auth::AccessTable access_table();

}  // namespace swarm::analyst::adapters

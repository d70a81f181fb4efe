#pragma once

#include <string>
#include <vector>

#include "session.hpp"

namespace swarm::ctl {

/// Prints the named tasks as they are and then each change, until all of them are final: exit code 0 if all succeeded,
/// else 1. Without ids it follows every task (or a parent's) until it is interrupted. A connection that is lost is made
/// again within the session's time-out.
void watch_tasks(Session& session, const std::vector<std::string>& ids, const std::string& parent);

}  // namespace swarm::ctl

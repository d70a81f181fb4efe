#pragma once

#include "doctor/finding.hpp"
#include "session.hpp"

namespace swarm::ctl {

/// Sends work through the installation: a task for a role that nobody else has is submitted, taken by an agent played here,
/// answered and read back; the analyst explains a failure without keeping it; the gateway tells the spend. What others do
/// there is not touched. Needs the admin's role.
Findings smoke_test(Session& session);

}  // namespace swarm::ctl

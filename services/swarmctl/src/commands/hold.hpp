#pragma once

#include "commands/command.hpp"
#include "session.hpp"

namespace swarm::ctl {

/// A command that holds an agent back, or lets it go.
void add_agent_hold(Command agents, Session& session, const std::string& name, const std::string& help, bool held);
/// Commands that pause and release the work of a role, stack or tenant, and list all that is held back.
void add_queue_holds(Command dispatch, Session& session);

}  // namespace swarm::ctl

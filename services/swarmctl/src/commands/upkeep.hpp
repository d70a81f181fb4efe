#pragma once

#include "commands/command.hpp"
#include "session.hpp"

namespace swarm::ctl {

// Commands for those who run the services, added as those of commands.hpp are.
void add_backup(Command program, Session& session);
void add_log_level(Command program, Session& session);
void add_proxy(Command program, Session& session);

}  // namespace swarm::ctl

#pragma once

#include "commands/command.hpp"
#include "session.hpp"

namespace swarm::ctl {

void add_task_submit(Command tasks, Session& session);

}  // namespace swarm::ctl

#pragma once

#include "commands/command.hpp"
#include "session.hpp"

namespace swarm::ctl {

// Each adds one group of commands to the program. A command prints to the session and leaves the exit code there.
void add_tasks(Command program, Session& session);
void add_schedules(Command program, Session& session);
void add_artifacts(Command program, Session& session);
void add_rules(Command program, Session& session);
void add_groups(Command program, Session& session);
/// Below `groups`: what people change about them.
void add_grouping(Command groups, Session& session);
void add_failures(Command program, Session& session);
void add_logs(Command program, Session& session);
void add_agents(Command program, Session& session);
void add_budget(Command program, Session& session);
void add_explain(Command program, Session& session);
void add_keys(Command program, Session& session);
void add_spend(Command program, Session& session);
void add_dispatch(Command program, Session& session);
void add_knowledge(Command program, Session& session);
void add_completion(Command program, Session& session);
void add_doctor(Command program, Session& session);
void add_token(Command program, Session& session);
void add_audit(Command program, Session& session);
void add_version(Command program, Session& session);

}  // namespace swarm::ctl

#pragma once

#include <CLI/CLI.hpp>

#include "session.hpp"

namespace swarm::ctl {

// Each adds one group of commands to the program. A command runs as the callback of its CLI::App, prints to the session
// and leaves the exit code there.
void add_tasks(CLI::App& program, Session& session);
void add_schedules(CLI::App& program, Session& session);
void add_artifacts(CLI::App& program, Session& session);
void add_rules(CLI::App& program, Session& session);
void add_groups(CLI::App& program, Session& session);
/// Below `groups`: what people change about them.
void add_grouping(CLI::App& groups, Session& session);
void add_failures(CLI::App& program, Session& session);
void add_logs(CLI::App& program, Session& session);
void add_agents(CLI::App& program, Session& session);
void add_budget(CLI::App& program, Session& session);
void add_explain(CLI::App& program, Session& session);
void add_keys(CLI::App& program, Session& session);
void add_spend(CLI::App& program, Session& session);
void add_dispatch(CLI::App& program, Session& session);
void add_knowledge(CLI::App& program, Session& session);
void add_completion(CLI::App& program, Session& session);
void add_doctor(CLI::App& program, Session& session);
void add_token(CLI::App& program, Session& session);
void add_audit(CLI::App& program, Session& session);
void add_version(CLI::App& program, Session& session);

}  // namespace swarm::ctl

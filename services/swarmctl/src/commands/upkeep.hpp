#pragma once

#include <CLI/CLI.hpp>

#include "session.hpp"

namespace swarm::ctl {

// Commands for those who run the services, added as those of commands.hpp are.
void add_backup(CLI::App& program, Session& session);
void add_log_level(CLI::App& program, Session& session);
void add_proxy(CLI::App& program, Session& session);

}  // namespace swarm::ctl

#pragma once

#include <CLI/CLI.hpp>

#include "session.hpp"

namespace swarm::ctl {

void add_task_submit(CLI::App& tasks, Session& session);

}  // namespace swarm::ctl

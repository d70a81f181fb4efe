#pragma once

#include <string>
#include <vector>

#include "settings.hpp"

namespace swarm::gateway {

struct CommandResult {
  int code = 0;      // 0 done, 1 it failed or found something, 2 wrong usage
  std::string text;  // for people, or JSON; with a line break at its end
};

/// What the program does instead of serving: `arguments` begins with the command's name.
///
///     ledger verify [--data-dir DIR] [--json]   proves a data directory's sums from its rows; nothing may have it open
CommandResult run_command(const std::vector<std::string>& arguments, const Settings& settings);

}  // namespace swarm::gateway

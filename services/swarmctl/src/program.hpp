#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "session.hpp"

namespace CLI {
class App;
}

namespace swarm::ctl {

/// Adds every command and global flag.
void describe_program(CLI::App& program, Session& session);

/// Runs one command line (without the program's name). Returns the exit code: 0 done, 1 it failed, 2 it makes no sense.
int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err, const Terminal& terminal);

}  // namespace swarm::ctl

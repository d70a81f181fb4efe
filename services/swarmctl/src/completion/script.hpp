#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace swarm::ctl {

struct FlagEntry {
  std::string name;  // with its dashes
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;  // if there are only these
};

/// One command with what may follow it.
struct CommandEntry {
  std::string path;  // "" for the program, else e.g. "tasks submit"
  std::string help;
  std::vector<std::string> subcommands;
  std::vector<FlagEntry> flags;     // its own and, by fall-through, those above it
  std::vector<std::string> values;  // of its positional argument, if there are only these
};

/// The program's commands, parents first.
std::vector<CommandEntry> commands_of(CLI::App& program);

std::string bash_script(const std::vector<CommandEntry>& commands);
std::string zsh_script(const std::vector<CommandEntry>& commands);
std::string fish_script(const std::vector<CommandEntry>& commands);

}  // namespace swarm::ctl

#include "completion/script.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace swarm::ctl {
namespace {

/// Options that take one of few values say so by a type name such as "bash|zsh|fish".
std::vector<std::string> values_of(const CLI::Option& option) {
  std::vector<std::string> out;
  // CLI11 adds what its checks say of themselves, e.g. ":{a,b}".
  const std::string type = option.get_type_name().substr(0, option.get_type_name().find(':'));
  if (type.find('|') == std::string::npos) return out;
  std::istringstream in(type);
  for (std::string value; std::getline(in, value, '|');) out.push_back(value);
  return out;
}

void add_flags(const CLI::App& app, CommandEntry& entry) {
  const auto has = [&](const std::string& flag) {  // --help is every command's own
    return std::any_of(entry.flags.begin(), entry.flags.end(), [&](const FlagEntry& f) { return f.name == flag; });
  };
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (has("--" + name)) continue;
      entry.flags.push_back({"--" + name, option->get_description(), option->get_items_expected_max() > 0, values_of(*option)});
    }
  }
}

void collect(CLI::App& app, const std::string& path, std::vector<CommandEntry>& out) {
  CommandEntry entry;
  entry.path = path;
  entry.help = app.get_description();
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      if (option->get_positional() && at == &app) entry.values = values_of(*option);
    }
    add_flags(*at, entry);
  }
  // A group of options that exclude each other is to CLI11 a command without a name of its own.
  const auto is_command = [](CLI::App* sub) { return dynamic_cast<CLI::Option_group*>(sub) == nullptr; };
  for (const CLI::App* group : app.get_subcommands([&](CLI::App* sub) { return !is_command(sub); })) add_flags(*group, entry);
  const auto subcommands = app.get_subcommands(is_command);
  for (const CLI::App* sub : subcommands) entry.subcommands.push_back(sub->get_name());
  out.push_back(std::move(entry));
  for (CLI::App* sub : subcommands) collect(*sub, (path.empty() ? "" : path + " ") + sub->get_name(), out);
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// For single quotes of the Bourne shells and of fish, where a backslash is special too.
std::string quoted(const std::string& text, bool fish = false) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += fish ? "\\'" : "'\\''";
    else if (c == '\\' && fish) out += "\\\\";
    else out += c;
  }
  return out + "'";
}

std::string help_of(const std::vector<CommandEntry>& commands, const std::string& path) {
  for (const CommandEntry& c : commands) {
    if (c.path == path) return c.help;
  }
  return "";
}

std::string child(const CommandEntry& command, const std::string& name) {
  return command.path.empty() ? name : command.path + " " + name;
}

/// bash and zsh find the command that the words before the cursor name in the same way. Flags' values are skipped, so
/// that `--stack tasks` names no command.
std::string find_path(const std::vector<CommandEntry>& commands) {
  std::set<std::string> with_value;
  std::string paths;
  for (const CommandEntry& c : commands) {
    for (const FlagEntry& f : c.flags) {
      if (f.takes_value) with_value.insert(f.name);
    }
    if (!c.path.empty()) paths += (paths.empty() ? "" : "|") + quoted(c.path);
  }
  std::string flags;
  for (const std::string& f : with_value) flags += (flags.empty() ? "" : "|") + f;
  return "  local at='' skip='' word\n"
         "  for word in \"${before[@]}\"; do\n"
         "    if [ -n \"$skip\" ]; then skip=''; continue; fi\n"
         "    case \"$word\" in " + flags + ") skip=1; continue ;; esac\n"
         "    case \"${at:+$at }$word\" in " + paths + ") at=\"${at:+$at }$word\" ;; esac\n"
         "  done\n";
}

/// Flags whose value is one of few, whatever the command.
std::map<std::string, std::vector<std::string>> value_flags(const std::vector<CommandEntry>& commands) {
  std::map<std::string, std::vector<std::string>> out;
  for (const CommandEntry& c : commands) {
    for (const FlagEntry& f : c.flags) {
      if (!f.values.empty()) out[c.path + "/" + f.name] = f.values;
    }
  }
  return out;
}

}  // namespace

std::vector<CommandEntry> commands_of(CLI::App& program) {
  std::vector<CommandEntry> out;
  collect(program, "", out);
  return out;
}

std::string bash_script(const std::vector<CommandEntry>& commands) {
  std::ostringstream out;
  out << "# bash completion of swarmctl: source <(swarmctl completion bash)\n_swarmctl() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" words=''\n"
         "  local before=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
      << find_path(commands) << "  case \"$at/$previous\" in\n";
  for (const auto& [flag, values] : value_flags(commands)) {
    out << "    " << quoted(flag) << ") COMPREPLY=($(compgen -W " << quoted(join(values))
        << " -- \"$current\")); return ;;\n";
  }
  out << "  esac\n  if [ -n \"$skip\" ]; then COMPREPLY=($(compgen -f -- \"$current\")); return; fi\n  case \"$at\" in\n";
  for (const CommandEntry& c : commands) {
    std::string words = join(c.subcommands) + " " + join(c.values);
    for (const FlagEntry& f : c.flags) words += " " + f.name;
    out << "    " << quoted(c.path) << ") words=" << quoted(words) << " ;;\n";
  }
  out << "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\ncomplete -F _swarmctl swarmctl\n";
  return out.str();
}

std::string zsh_script(const std::vector<CommandEntry>& commands) {
  const auto described = [](const std::string& word, const std::string& help) {
    std::string name;
    for (const char c : word) name += c == ':' ? std::string("\\:") : std::string(1, c);
    return " " + quoted(name + ":" + help);
  };
  std::ostringstream out;
  out << "#compdef swarmctl\n# zsh completion of swarmctl: source <(swarmctl completion zsh)\n_swarmctl() {\n"
         "  local previous=\"${words[CURRENT-1]}\"\n  local -a before offered\n"
         "  before=(\"${(@)words[2,CURRENT-1]}\")\n"
      << find_path(commands) << "  case \"$at/$previous\" in\n";
  for (const auto& [flag, values] : value_flags(commands)) {
    out << "    " << quoted(flag) << ") compadd -- " << join(values) << "; return ;;\n";
  }
  out << "  esac\n  if [ -n \"$skip\" ]; then _files; return; fi\n  case \"$at\" in\n";
  for (const CommandEntry& c : commands) {
    out << "    " << quoted(c.path) << ") offered=(";
    for (const std::string& name : c.subcommands) out << described(name, help_of(commands, child(c, name)));
    for (const std::string& value : c.values) out << described(value, "");
    for (const FlagEntry& f : c.flags) out << described(f.name, f.help);
    out << " ) ;;\n";
  }
  out << "  esac\n  _describe swarmctl offered\n}\ncompdef _swarmctl swarmctl\n";
  return out.str();
}

std::string fish_script(const std::vector<CommandEntry>& commands) {
  std::ostringstream out;
  out << "# fish completion of swarmctl: swarmctl completion fish | source\ncomplete -c swarmctl -f\n";
  for (const CommandEntry& c : commands) {
    std::string condition;
    std::istringstream words(c.path);
    for (std::string word; words >> word;) {
      condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    }
    if (!c.subcommands.empty()) {
      condition += (condition.empty() ? "" : "; and ") + ("not __fish_seen_subcommand_from " + join(c.subcommands));
    }
    const std::string begin = "complete -c swarmctl -n " + quoted(condition, true);
    for (const std::string& name : c.subcommands) {
      out << begin << " -a " << name << " -d " << quoted(help_of(commands, child(c, name)), true) << '\n';
    }
    if (!c.values.empty()) out << begin << " -a " << quoted(join(c.values), true) << '\n';
    for (const FlagEntry& f : c.flags) {
      out << begin << " -l " << f.name.substr(2) << " -d " << quoted(f.help, true);
      if (!f.values.empty()) out << " -x -a " << quoted(join(f.values), true);
      else if (f.takes_value) out << " -r";
      out << '\n';
    }
  }
  return out.str();
}

}  // namespace swarm::ctl

#include <CLI/CLI.hpp>
#include <iostream>
#include <unistd.h>

#include "libs/settings/load_state.hpp"

namespace swarm::settings {
namespace {

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::string escape_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

/// Only what stands below no list or mapping has a name in the environment.
std::string variable_cell(const Description& d) {
  const bool is_scalar = d.type.find("list") != 0 && d.type.find("mapping") != 0;
  const bool reachable = d.path.find("[]") == std::string::npos && d.path.find('<') == std::string::npos;
  return is_scalar && reachable ? "`" + environment_name(d.path) + "`" : "";
}

void print_description(const Reader& read, std::ostream& out) {
  out << "| setting | type | default | environment | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const Description& d : describe(read)) {
    const std::string value = d.default_text.empty() ? "" : "`" + escape_cell(d.default_text) + "`";
    out << "| `" << d.path << "` | " << escape_cell(d.type) << " | " << value << " | " << variable_cell(d) << " | "
        << escape_cell(d.help) << " |\n";
  }
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv, std::string_view program, std::string_view purpose) {
  CommandLine line;
  line.program = program;
  CLI::App app{std::string(purpose), std::string(program)};
  app.prefix_command();
  app.set_version_flag("--version", std::string(program) + " " + SWARM_VERSION);
  app.add_option("--config", line.sources.file, "the YAML file with the settings")->type_name("FILE");
  app.add_option("--set", line.sources.assignments, "one setting, stronger than file and environment; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--check-config", line.check_only, "check the settings, then exit");
  app.add_flag("--describe-config", line.describe, "print every setting as a Markdown table, then exit");
  try {
    app.parse(argc, argv);
    line.rest = app.remaining();
    if (!line.rest.empty() && line.rest.front().starts_with('-')) {
      std::cerr << program << ": unknown flag " << line.rest.front() << "; see " << program << " --help\n";
      line.exit_code = 2;
    }
  } catch (const CLI::Success& success) {  // --help, --version
    line.exit_code = app.exit(success);
  } catch (const CLI::ParseError& e) {
    std::cerr << program << ": " << e.what() << "; see " << program << " --help\n";
    line.exit_code = 2;
  }
  line.sources.environment = process_environment();
  return line;
}

int read_or_exit_code(const CommandLine& line, const Reader& read) {
  if (line.exit_code >= 0) return line.exit_code;
  if (!line.rest.empty()) {
    std::cerr << line.program << ": unexpected argument " << line.rest.front() << "; see " << line.program << " --help\n";
    return 2;
  }
  if (line.describe) {
    print_description(read, std::cout);
    return 0;
  }
  const auto loaded = load(line.sources, read);
  if (!loaded) {
    std::cerr << loaded.error().message << "\n";
    return 2;
  }
  if (line.check_only) {
    std::cout << "configuration ok" << (line.sources.file.empty() ? "" : ": " + line.sources.file) << "\n";
    return 0;
  }
  return -1;
}

}  // namespace swarm::settings

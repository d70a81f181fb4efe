#include "commands/options.hpp"

#include "libs/settings/scalar.hpp"
#include "libs/settings/settings.hpp"

namespace swarm::ctl {

CLI::Option* add_duration(CLI::App& app, const std::string& flags, std::chrono::milliseconds& out,
                          const std::string& help) {
  const auto parse = [&out, flags](const CLI::results_t& values) {
    const auto parsed = settings::parse_duration(values.back());
    if (!parsed) throw CLI::ValidationError(flags, parsed.error());
    out = parsed.value();
    return true;
  };
  return app.add_option(flags, parse, help)->type_name("TIME");
}

CLI::Option* add_labels(CLI::App& app, const std::string& flags, std::map<std::string, std::string>& out,
                        const std::string& help) {
  const auto parse = [&out, flags](const CLI::results_t& values) {
    for (const std::string& value : values) {
      const auto equals = value.find('=');
      if (equals == std::string::npos || equals == 0) throw CLI::ValidationError(flags, "is not KEY=VALUE: " + value);
      out[value.substr(0, equals)] = value.substr(equals + 1);
    }
    return true;
  };
  return app.add_option(flags, parse, help)->type_name("KEY=VALUE")->take_all()->allow_extra_args(false);
}

CLI::Option* add_address(CLI::App& app, std::string_view flag, std::string_view variable, std::string& out,
                         const std::string& help) {
  const auto judge = [name = std::string(variable)](const std::string& text) {
    const std::string wrong = settings::check_peer_address(text);
    return wrong.empty() ? wrong : wrong + " (here or in " + name + ")";
  };
  return app.add_option(std::string(flag), out, help)
      ->envname(std::string(variable))
      ->capture_default_str()
      ->type_name("HOST:PORT")
      ->check(CLI::Validator(judge, ""));
}

}  // namespace swarm::ctl

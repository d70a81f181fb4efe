#include "commands/options.hpp"

#include "libs/settings/scalar.hpp"

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

}  // namespace swarm::ctl

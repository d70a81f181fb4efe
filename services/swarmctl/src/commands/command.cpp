#include "commands/command.hpp"

#include <CLI/CLI.hpp>

#include "libs/settings/scalar.hpp"
#include "libs/settings/settings.hpp"

namespace swarm::ctl {

Option Option::required() const { return Option(*option_->required()); }
Option Option::type(const std::string& name) const { return Option(*option_->type_name(name)); }
Option Option::shows_default() const { return Option(*option_->capture_default_str()); }

Option Option::repeatable() const {
  return Option(*option_->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
}

Option Option::comma_separated() const { return Option(*option_->delimiter(',')); }
Option Option::one_of(const std::vector<std::string>& values) const { return Option(*option_->check(CLI::IsMember(values))); }
Option Option::between(std::int64_t least, std::int64_t most) const { return Option(*option_->check(CLI::Range(least, most))); }
Option Option::between_numbers(double least, double most) const { return Option(*option_->check(CLI::Range(least, most))); }
Option Option::positive() const { return Option(*option_->check(CLI::PositiveNumber)); }
Option Option::not_negative() const { return Option(*option_->check(CLI::NonNegativeNumber)); }
Option Option::existing_file() const { return Option(*option_->check(CLI::ExistingFile)); }

Option Option::existing_file_or_dash() const {
  return Option(*option_->check(CLI::ExistingFile | CLI::IsMember(std::vector<std::string>{"-"})));
}

Option Option::needs(Option other) const { return Option(*option_->needs(other.option_)); }
Option Option::excludes(Option other) const { return Option(*option_->excludes(other.option_)); }
Option Option::from_environment(const std::string& variable) const { return Option(*option_->envname(variable)); }
bool Option::given() const { return option_->count() > 0; }

Command Command::command(const std::string& name, const std::string& help) const {
  return Command(*app_->add_subcommand(name, help));
}

Command Command::group(const std::string& name, const std::string& help) const {
  return Command(*app_->add_subcommand(name, help)->require_subcommand(1));
}

Command Command::alias(const std::string& name) const { return Command(*app_->alias(name)); }
Command Command::footer(const std::string& text) const { return Command(*app_->footer(text)); }

Command Command::one_option_of(const std::string& what) const {
  CLI::App* options = app_->add_option_group(what);
  return Command(*options->require_option(1));
}

void Command::action(std::function<void()> run) const { app_->callback(std::move(run)); }

Option Command::option(const std::string& flags, std::string& out, const std::string& help) const {
  return Option(*app_->add_option(flags, out, help));
}
Option Command::option(const std::string& flags, std::vector<std::string>& out, const std::string& help) const {
  return Option(*app_->add_option(flags, out, help));
}
Option Command::option(const std::string& flags, std::int32_t& out, const std::string& help) const {
  return Option(*app_->add_option(flags, out, help));
}
Option Command::option(const std::string& flags, std::uint32_t& out, const std::string& help) const {
  return Option(*app_->add_option(flags, out, help));
}
Option Command::option(const std::string& flags, std::int64_t& out, const std::string& help) const {
  return Option(*app_->add_option(flags, out, help));
}
Option Command::option(const std::string& flags, std::uint64_t& out, const std::string& help) const {
  return Option(*app_->add_option(flags, out, help));
}
Option Command::option(const std::string& flags, double& out, const std::string& help) const {
  return Option(*app_->add_option(flags, out, help));
}
Option Command::option(const std::string& flags, std::function<void(const std::string&)> take, const std::string& help) const {
  return Option(*app_->add_option_function<std::string>(flags, take, help));
}

Option Command::flag(const std::string& flags, bool& out, const std::string& help) const {
  return Option(*app_->add_flag(flags, out, help));
}
Option Command::flag(const std::string& flags, std::function<void()> given, const std::string& help) const {
  return Option(*app_->add_flag_function(flags, [given = std::move(given)](std::int64_t) { given(); }, help));
}

Option Command::duration(const std::string& flags, std::chrono::milliseconds& out, const std::string& help) const {
  const auto parse = [&out, flags](const CLI::results_t& values) {
    const auto parsed = settings::parse_duration(values.back());
    if (!parsed) refuse(flags, parsed.error());
    out = parsed.value();
    return true;
  };
  return Option(*app_->add_option(flags, parse, help)->type_name("TIME"));
}

Option Command::labels(const std::string& flags, std::map<std::string, std::string>& out, const std::string& help) const {
  const auto parse = [&out, flags](const CLI::results_t& values) {
    for (const std::string& value : values) {
      const auto equals = value.find('=');
      if (equals == std::string::npos || equals == 0) refuse(flags, "is not KEY=VALUE: " + value);
      out[value.substr(0, equals)] = value.substr(equals + 1);
    }
    return true;
  };
  return Option(*app_->add_option(flags, parse, help)->type_name("KEY=VALUE")->take_all()->allow_extra_args(false));
}

Option Command::address(std::string_view flag, std::string_view variable, std::string& out, const std::string& help) const {
  const auto judge = [name = std::string(variable)](const std::string& text) {
    const std::string wrong = settings::check_peer_address(text);
    return wrong.empty() ? wrong : wrong + " (here or in " + name + ")";
  };
  return Option(*app_->add_option(std::string(flag), out, help)
                     ->envname(std::string(variable))
                     ->capture_default_str()
                     ->type_name("HOST:PORT")
                     ->check(CLI::Validator(judge, "")));
}

void refuse(const std::string& option, const std::string& why) { throw CLI::ValidationError(option, why); }
void refuse_without(const std::string& what) { throw CLI::RequiredError(what); }

}  // namespace swarm::ctl

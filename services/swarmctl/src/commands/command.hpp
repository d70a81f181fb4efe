#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace swarm::ctl {

/// An option or an argument of a command: what else is asked of it. A handle; valid as long as its program.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option required() const;
  /// What the help shows for the value. From "a|b|c" the shells complete.
  Option type(const std::string& name) const;
  Option shows_default() const;
  /// Once for each value; else a flag given twice is an error.
  Option repeatable() const;
  Option comma_separated() const;
  Option one_of(const std::vector<std::string>& values) const;
  Option between(std::int64_t least, std::int64_t most) const;
  Option between_numbers(double least, double most) const;
  Option positive() const;
  Option not_negative() const;
  Option existing_file() const;
  /// The same, or "-" for a standard stream.
  Option existing_file_or_dash() const;
  Option needs(Option other) const;
  Option excludes(Option other) const;
  /// Also taken from the environment.
  Option from_environment(const std::string& variable) const;
  /// After the command line was read.
  bool given() const;

 private:
  CLI::Option* option_;
};

/// A command, or the program itself: what it takes and what it does. A handle; valid as long as its program. This is
/// all that commands see of CLI11, whose inline code would else be compiled into each of them anew.
/// Options write into what they are given, which must live until the program has run. Not thread-safe.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  Command command(const std::string& name, const std::string& help) const;
  /// One that does nothing without one of its own commands.
  Command group(const std::string& name, const std::string& help) const;
  Command alias(const std::string& name) const;
  Command footer(const std::string& text) const;
  /// Of the options that are added to what this returns, exactly one is to be given.
  Command one_option_of(const std::string& what) const;
  /// What it does; runs once the whole command line was read and found right.
  void action(std::function<void()> run) const;

  // `flags`: "--flag", "-f,--flag", or a bare word for an argument.
  Option option(const std::string& flags, std::string& out, const std::string& help) const;
  Option option(const std::string& flags, std::vector<std::string>& out, const std::string& help) const;
  Option option(const std::string& flags, std::int32_t& out, const std::string& help) const;
  Option option(const std::string& flags, std::uint32_t& out, const std::string& help) const;
  Option option(const std::string& flags, std::int64_t& out, const std::string& help) const;
  Option option(const std::string& flags, std::uint64_t& out, const std::string& help) const;
  Option option(const std::string& flags, double& out, const std::string& help) const;
  Option option(const std::string& flags, std::function<void(const std::string&)> take, const std::string& help) const;
  Option flag(const std::string& flags, bool& out, const std::string& help) const;
  Option flag(const std::string& flags, std::function<void()> given, const std::string& help) const;
  /// Written as 250ms, 20s, 5m or 1h.
  Option duration(const std::string& flags, std::chrono::milliseconds& out, const std::string& help) const;
  /// Repeatable, each key=value.
  Option labels(const std::string& flags, std::map<std::string, std::string>& out, const std::string& help) const;
  /// "host:port" of another program, also taken from the environment's `variable`; what is wrong with it names both.
  Option address(std::string_view flag, std::string_view variable, std::string& out, const std::string& help) const;

  CLI::App& app() const { return *app_; }

 private:
  CLI::App* app_;
};

/// Ends an action: the value of `option` makes no sense; `why` goes on after its name.
[[noreturn]] void refuse(const std::string& option, const std::string& why);
/// Ends an action: `what` should have been given.
[[noreturn]] void refuse_without(const std::string& what);

}  // namespace swarm::ctl

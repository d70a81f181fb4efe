#pragma once

#include <CLI/CLI.hpp>

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace swarm::ctl {

/// An option written as 250ms, 20s, 5m or 1h.
CLI::Option* add_duration(CLI::App& app, const std::string& flags, std::chrono::milliseconds& out,
                          const std::string& help);

/// A repeatable option written as key=value.
CLI::Option* add_labels(CLI::App& app, const std::string& flags, std::map<std::string, std::string>& out,
                        const std::string& help);

/// An option "host:port" of another program, also taken from the environment's `variable`; what is wrong
/// with it names both.
CLI::Option* add_address(CLI::App& app, std::string_view flag, std::string_view variable, std::string& out,
                         const std::string& help);

}  // namespace swarm::ctl

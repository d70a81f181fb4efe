#pragma once

#include <CLI/CLI.hpp>

#include <chrono>
#include <map>
#include <string>

namespace swarm::ctl {

/// An option written as 250ms, 20s, 5m or 1h.
CLI::Option* add_duration(CLI::App& app, const std::string& flags, std::chrono::milliseconds& out,
                          const std::string& help);

/// A repeatable option written as key=value.
CLI::Option* add_labels(CLI::App& app, const std::string& flags, std::map<std::string, std::string>& out,
                        const std::string& help);

}  // namespace swarm::ctl

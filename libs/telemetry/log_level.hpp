#pragma once

#include <string>

namespace swarm::log {

/// A settings check: empty when `level` is one of debug, info, warn and error, else what is wrong with it.
std::string check_level(const std::string& level);

}  // namespace swarm::log

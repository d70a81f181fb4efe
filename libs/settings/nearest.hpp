#pragma once

#include <set>
#include <string>
#include <string_view>

namespace swarm::settings {

/// The known name that `word` was most likely meant to be; empty when none is near.
std::string nearest(std::string_view word, const std::set<std::string>& known);

/// "; did you mean x?" or nothing.
std::string suggestion(std::string_view word, const std::set<std::string>& known);

}  // namespace swarm::settings

#pragma once

#include "settings.hpp"

namespace swarm::gateway {

/// Privacy guards by name, and the one that holds where none is chosen. Before models and routes are read.
void read_guards(settings::Object& root, Settings& out);
/// The guard of a model or route: its place among the guards, or below 0 for none.
std::int32_t read_guard_choice(settings::Object& o, const Settings& out);

}  // namespace swarm::gateway

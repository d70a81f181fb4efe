#pragma once

#include <string>
#include <vector>

#include "libs/base/check.hpp"

namespace swarm::testing {

/// Well-formed inputs of a fuzz target, from which others are made. Defined by each target beside LLVMFuzzerTestOneInput, which
/// uses SWARM_CHECK for what must hold of any input.
std::vector<std::string> fuzz_seeds();

}  // namespace swarm::testing

#pragma once

#include <cstdint>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {

/// Of everything that the engine decides by, apart from texts and lease tokens. Equal for two engines that were told the
/// same. Walks through all tasks in memory.
std::uint64_t digest_of(const TaskEngine& engine);

}  // namespace swarm::orchestrator

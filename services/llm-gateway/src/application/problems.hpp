#pragma once

#include "domain/budget_ledger.hpp"
#include "ports/dialect.hpp"
#include "ports/upstream.hpp"

namespace swarm::gateway {

/// What a caller is told when a budget refuses, with the time until trying again makes sense.
Problem problem_of(const Refusal& refusal, WallTime now);
/// What a caller is told when an upstream gave no answer.
Problem problem_of(UpstreamFault fault, const std::string& upstream);

}  // namespace swarm::gateway

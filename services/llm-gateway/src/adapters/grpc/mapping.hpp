#pragma once

#include "domain/budget_ledger.hpp"
#include "libs/base/result.hpp"
#include "protos/llm_gateway.pb.h"

namespace swarm::gateway {

void fill(::llm_gateway::SpendReport& report, const AccountView& view);
/// InvalidArgument for what is no amount of money or no window.
Result<Limit> limit_of(const ::llm_gateway::LimitConfig& config);
Result<Limit> limit_of(const ::llm_gateway::TaskBudget& budget);
/// The scope that a request means: global when it names none.
std::string scope_or_global(const std::string& scope);

}  // namespace swarm::gateway

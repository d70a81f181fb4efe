#pragma once

#include <optional>

#include "application/budget_desk.hpp"
#include "application/explanations.hpp"
#include "application/key_desk.hpp"
#include "application/spend_reports.hpp"
#include "domain/budget_ledger.hpp"
#include "libs/base/result.hpp"
#include "protos/llm_gateway.pb.h"

namespace swarm::gateway {

void fill(::llm_gateway::SpendReport& report, const AccountView& view);
/// InvalidArgument for what is no amount of money or no window.
Result<Limit> limit_of(const ::llm_gateway::LimitConfig& config);
/// A message without a scope and an amount would read as "nothing may be spent any more": InvalidArgument.
Result<void> check_said(const ::llm_gateway::LimitConfig& config);
Result<Limit> limit_of(const ::llm_gateway::TaskBudget& budget);
Result<BudgetDesk::Override> override_of(const ::llm_gateway::OverrideRequest& request);
KeyDesk::Wish wish_of(const ::llm_gateway::NewKey& request);
void fill(::llm_gateway::KeyInfo& info, const StoredKey& key, WallTime now);
/// InvalidArgument for what is no field, scope or page of ours. rows_max is left to the caller.
Result<SpendQuery> spend_query_of(const ::llm_gateway::SpendQuery& request);
void fill(::llm_gateway::SpendGroup& out, const SpendGroup& group);
void fill(::llm_gateway::TrialResult& out, const DryRun& run);
void fill(::llm_gateway::Explanation& out, const Explanation& told);
/// Nothing for 0 and for times that no clock can show.
std::optional<WallTime> time_of(std::int64_t unix_ms);
/// The scope that a request means: global when it names none.
std::string scope_or_global(const std::string& scope);

}  // namespace swarm::gateway

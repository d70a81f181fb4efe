#pragma once

#include "application/ledger.hpp"
#include "domain/analysis.hpp"
#include "protos/analyst.pb.h"

namespace swarm::analyst::adapters {

/// The log of an event, wherever it stands.
std::string_view log_of(const ::analyst::FailureEvent& event);
/// A cause line as it is kept: what splits look at.
std::string shown_sample(std::string_view line);
/// InvalidArgument that names the field at fault.
Result<void> check(const ::analyst::FailureEvent& event);
Result<void> check(const ::analyst::Outcome& outcome);

/// An event and what its analysis found, as the ledger takes it.
application::FailureReport to_report(const ::analyst::FailureEvent& event, const domain::Analysis& analysis);
application::OutcomeReport to_report(const ::analyst::Outcome& outcome);

void fill(const domain::GoldenRule& rule, const domain::Group* group, ::analyst::GoldenRule& out);
void fill(const domain::RuleBalance& balance, ::analyst::RuleEffect& out);
Result<application::GroupingChange> to_change(const ::analyst::GroupingChange& change);
void fill(const std::vector<ports::GroupRoute>& routes, ::analyst::GroupingRules& out);
void fill(const domain::GroupingRules& rules, ::analyst::GroupingRules& out);
void fill(const domain::GroupFlags& flags, ::analyst::FailureGroup& out);
void fill(const domain::KindText& kind, const domain::Group& group, ::analyst::FailureGroup& out);

}  // namespace swarm::analyst::adapters

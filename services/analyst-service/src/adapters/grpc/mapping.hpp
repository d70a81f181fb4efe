#pragma once

#include "application/ledger.hpp"
#include "domain/analysis.hpp"
#include "protos/analyst.pb.h"

namespace swarm::analyst::adapters {

/// The log of an event, wherever it stands.
std::string_view log_of(const ::analyst::FailureEvent& event);
/// InvalidArgument that names the field at fault.
Result<void> check(const ::analyst::FailureEvent& event);
Result<void> check(const ::analyst::Outcome& outcome);

/// An event and what its analysis found, as the ledger takes it.
application::FailureReport to_report(const ::analyst::FailureEvent& event, const domain::Analysis& analysis);
application::OutcomeReport to_report(const ::analyst::Outcome& outcome);

void fill(const domain::GoldenRule& rule, const domain::Group* group, ::analyst::GoldenRule& out);
void fill(const domain::RuleBalance& balance, ::analyst::RuleEffect& out);
void fill(const domain::GroupFlags& flags, ::analyst::FailureGroup& out);
void fill(const domain::KindText& kind, const domain::Group& group, ::analyst::FailureGroup& out);

}  // namespace swarm::analyst::adapters

#pragma once

#include <string>

#include "domain/failure_group.hpp"

namespace swarm::analyst::domain {

/// A rule written without a model: names the cause and what to do about it. Deterministic.
std::string rule_from_template(const KindText& kind);

/// What to do about a cause, in one or two sentences.
std::string_view remedy_for(Family family, std::string_view cause);

/// What an artefact must not hold, as an RE2 pattern, where a pattern can tell; else empty.
std::string_view pattern_for(std::string_view cause);

}  // namespace swarm::analyst::domain

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/failure_group.hpp"

namespace swarm::analyst::domain {

/// A rule written without a model: names the cause and what to do about it. Deterministic.
std::string rule_from_template(const KindText& kind);

/// What to do about a cause, in one or two sentences.
std::string_view remedy_for(Family family, std::string_view cause);

/// What an artefact with this mistake holds, as an RE2 pattern, where text can tell; else empty.
std::string_view check_for(std::string_view cause);
/// The patterns that the template has, for tests.
std::vector<std::string_view> template_checks();

}  // namespace swarm::analyst::domain

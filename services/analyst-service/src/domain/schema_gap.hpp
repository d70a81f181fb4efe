#pragma once

#include <string>

#include "domain/failure_group.hpp"

namespace swarm::analyst::domain {

inline constexpr std::size_t kProposalMax = 4096;  // bytes
inline constexpr std::size_t kProposedTermsMax = 8;

/// Turtle that declares the classes and properties which failures of this kind say are missing from the ontology, for a
/// person to read and load; empty when the kind is not about a schema or names no term. Log text goes into literals and
/// comments only, printable and on one line.
std::string schema_proposal(const KindText& kind, std::int64_t tasks);

}  // namespace swarm::analyst::domain

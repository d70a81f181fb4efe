#pragma once

#include <string>
#include <string_view>

#include "libs/base/result.hpp"

namespace swarm::knowledge {

// The vocabulary that the swarm's agents and the knowledge store agree on.
inline constexpr std::string_view kHardConstraint = "http://nist.gov/caisi/HardConstraint";
inline constexpr std::string_view kHasPermission = "http://swarm.os/nist/hasPermission";
inline constexpr std::string_view kRequiresPermission = "http://swarm.os/nist/requiresPermission";

/// `http://swarm.os/stack/{stack}`: whose golden rules these are. The name is percent-encoded where it must be.
std::string stack_iri(std::string_view stack);
/// `http://swarm.os/agent/{name}`.
std::string agent_iri(std::string_view name);


/// Encodes each byte that is not a letter, a digit or one of - . _ ~ as %XX, so that any text is one segment of an IRI.
std::string percent_encode(std::string_view text);
/// InvalidArgument unless it has a scheme, no space, control or <>"{}|\^` character, is UTF-8, and at most 2,000 bytes
/// long. A store that does not look loses its data to one bad IRI, so every adapter looks.
Result<void> check_iri(std::string_view iri);
/// InvalidArgument unless it is UTF-8 without NUL and at most 1 MiB.
Result<void> check_text(std::string_view text);

}  // namespace swarm::knowledge

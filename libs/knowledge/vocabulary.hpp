#pragma once

#include <string>
#include <string_view>

namespace swarm::knowledge {

// The vocabulary that the swarm's agents and the knowledge store agree on.
inline constexpr std::string_view kHardConstraint = "http://nist.gov/caisi/HardConstraint";
inline constexpr std::string_view kHasPermission = "http://swarm.os/nist/hasPermission";
inline constexpr std::string_view kRequiresPermission = "http://swarm.os/nist/requiresPermission";

/// `http://swarm.os/stack/{stack}`: whose golden rules these are. The name is percent-encoded where it must be.
std::string stack_iri(std::string_view stack);
/// `http://swarm.os/agent/{name}`.
std::string agent_iri(std::string_view name);

}  // namespace swarm::knowledge

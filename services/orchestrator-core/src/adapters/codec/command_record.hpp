#pragma once

#include <optional>
#include <string_view>

#include "adapters/codec/bytes.hpp"
#include "adapters/codec/redaction.hpp"
#include "domain/command.hpp"

namespace swarm::orchestrator::codec {

/// False for a command that changes nothing; nothing is written then.
bool encode(Writer& out, const Command& command, const Redactor& redactor);
/// A schedule's zone is looked up again. Nothing for what is malformed or of another version.
std::optional<Command> decode_command(std::string_view bytes, const TimeZones& zones);

}  // namespace swarm::orchestrator::codec

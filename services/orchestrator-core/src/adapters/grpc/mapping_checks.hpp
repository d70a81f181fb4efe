#pragma once

#include "adapters/grpc/mapping.hpp"

namespace swarm::orchestrator::grpc_api {

// What the mappings check alike. Each fault names its field.

constexpr std::size_t kReasonBytesMax = 1'000;  // of a reason or note; a longer one is cut

Error invalid(std::string_view field, std::string_view what);

/// Names end up in logs, metrics and terminals: bounded, without control characters.
Result<void> check_name(std::string_view field, const std::string& text, const InputLimits& limits);
Result<std::vector<std::string>> to_names(std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& in, const InputLimits& limits);

/// What an agent reports may hold anything that a program printed; only its length is bounded.
Result<void> check_text(std::string_view field, const std::string& text, const InputLimits& limits);
/// What a client asks for reaches command lines, files and the common knowledge, none of which can carry NUL. Everything else is
/// kept as it is: sources hold form feeds, and logs the colours of a terminal.
Result<void> check_wish(std::string_view field, const std::string& text, const InputLimits& limits);

Result<std::chrono::milliseconds> to_duration(std::string_view field, std::int64_t ms, const InputLimits& limits);

}  // namespace swarm::orchestrator::grpc_api

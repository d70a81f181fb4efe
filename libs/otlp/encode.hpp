#pragma once

#include <span>
#include <string>
#include <string_view>

#include "libs/telemetry/span.hpp"

namespace swarm::otlp {

/// An ExportTraceServiceRequest in the JSON encoding of OTLP 1.x (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): ids in
/// hexadecimal, 64-bit numbers as text, enumerations as numbers.
std::string encode(std::span<const trace::FinishedSpan> spans, std::string_view service, std::string_view version);

}  // namespace swarm::otlp

#pragma once

#include <string>
#include <string_view>

#include "libs/base/clock.hpp"
#include "libs/telemetry/logging.hpp"
#include "libs/telemetry/trace.hpp"

namespace swarm::log {

/// Appends `text` as a JSON string with its quotes: control characters escaped, bytes that are not UTF-8 replaced by
/// U+FFFD, and cut off after `bytes_max` with an ellipsis.
void append_json_string(std::string& out, std::string_view text, std::size_t bytes_max = 16 * 1024);

/// RFC 3339 in UTC with milliseconds, e.g. 2026-01-01T00:00:00.000Z.
std::string timestamp(WallTime t);

/// One log line without the newline. `trace` may be null.
std::string json_line(WallTime t, Level level, std::string_view service, std::string_view message,
                      Fields fields, const trace::Context* trace);

}  // namespace swarm::log

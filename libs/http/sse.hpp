#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace swarm::http {

/// One server-sent event.
struct SseEvent {
  std::string_view event;  // empty: "message"
  std::string_view data;   // lines joined by a line feed
};

/// The length of the first complete event in `data`, with the empty line that ends it; 0 while there is none. Lines may
/// end with LF, CRLF or CR.
std::size_t sse_event_length(std::string_view data);

/// Reads the fields of one complete event. The views point into `bytes`, or into `scratch` when data has several lines.
SseEvent parse_sse_event(std::string_view bytes, std::string& scratch);

}  // namespace swarm::http

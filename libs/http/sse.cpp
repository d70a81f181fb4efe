#include "libs/http/sse.hpp"

#include <cstring>

namespace swarm::http {
namespace {

/// Length of the line end at `at`: 0 none, or one that may still become CRLF.
std::size_t line_end(std::string_view data, std::size_t at) {
  if (at >= data.size()) return 0;
  if (data[at] == '\n') return 1;
  if (data[at] != '\r') return 0;
  if (at + 1 >= data.size()) return 0;
  return data[at + 1] == '\n' ? 2 : 1;
}

std::size_t find_line_end(std::string_view data, std::size_t from) {
  // Nearly all streams use LF; a CR is looked for only up to it.
  const void* lf = std::memchr(data.data() + from, '\n', data.size() - from);
  const std::size_t stop = lf == nullptr ? data.size() : static_cast<std::size_t>(static_cast<const char*>(lf) - data.data());
  const void* cr = std::memchr(data.data() + from, '\r', stop - from);
  return cr == nullptr ? stop : static_cast<std::size_t>(static_cast<const char*>(cr) - data.data());
}

}  // namespace

std::size_t sse_event_length(std::string_view data) {
  std::size_t at = 0;
  while (at < data.size()) {
    const std::size_t end = find_line_end(data, at);
    const std::size_t n = line_end(data, end);
    if (n == 0) return 0;
    if (end == at) return at + n;
    at = end + n;
  }
  return 0;
}

SseEvent parse_sse_event(std::string_view bytes, std::string& scratch) {
  SseEvent event;
  bool several = false;
  bool any = false;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t end = find_line_end(bytes, at);
    const std::string_view line = bytes.substr(at, end - at);
    const std::size_t n = line_end(bytes, end);
    at = end + (n == 0 ? 1 : n);
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") event.event = value;
    if (field != "data") continue;
    if (any && !several) scratch.assign(event.data);
    several = any;
    if (several) {
      scratch += '\n';
      scratch += value;
    } else {
      event.data = value;
    }
    any = true;
  }
  if (several) event.data = scratch;
  return event;
}

}  // namespace swarm::http

#include "libs/otlp/encode.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace swarm::otlp {
namespace {

namespace json = boost::json;

constexpr int kStatusError = 2;

template <std::size_t N>
std::string hexadecimal(const std::array<std::uint8_t, N>& bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

json::object attribute(std::string_view key, std::string_view value) { return {{"key", key}, {"value", {{"stringValue", value}}}}; }

std::string nanoseconds(WallTime t) { return std::to_string(t.time_since_epoch().count()); }

json::object object_of(const trace::FinishedSpan& span) {
  json::object out{{"traceId", span.context.trace_id_text()},
                   {"spanId", hexadecimal(span.context.span_id)},
                   {"name", span.name},
                   {"kind", static_cast<int>(span.kind)},
                   {"startTimeUnixNano", nanoseconds(span.begin)},
                   {"endTimeUnixNano", nanoseconds(span.end)}};
  if (std::any_of(span.parent.begin(), span.parent.end(), [](std::uint8_t b) { return b != 0; })) out["parentSpanId"] = hexadecimal(span.parent);
  json::array attributes;
  for (const auto& [key, value] : span.attributes) {
    if (!value.empty()) attributes.push_back(attribute(key, value));
  }
  if (!attributes.empty()) out["attributes"] = std::move(attributes);
  if (span.failed) out["status"] = json::object{{"code", kStatusError}};
  return out;
}

}  // namespace

std::string encode(std::span<const trace::FinishedSpan> spans, std::string_view service, std::string_view version) {
  json::array all;
  for (const auto& span : spans) all.push_back(object_of(span));
  const json::object scope{{"scope", {{"name", "swarm"}}}, {"spans", std::move(all)}};
  const json::object resource{{"attributes", {attribute("service.name", service), attribute("service.version", version)}}};
  return json::serialize(json::object{{"resourceSpans", {json::object{{"resource", resource}, {"scopeSpans", {scope}}}}}});
}

}  // namespace swarm::otlp

#include "adapters/codec/anthropic.hpp"

#include <algorithm>

#include "adapters/codec/json_text.hpp"
#include "adapters/codec/usage_object.hpp"

namespace swarm::gateway {
namespace sj = simdjson;
namespace {

std::string_view type_of(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::InvalidRequest:
    case ProblemKind::MethodNotAllowed: return "invalid_request_error";
    case ProblemKind::Authentication: return "authentication_error";
    case ProblemKind::Permission: return "permission_error";
    case ProblemKind::NotFound: return "not_found_error";
    case ProblemKind::TooLarge: return "request_too_large";
    case ProblemKind::RateLimit: return "rate_limit_error";
    case ProblemKind::Quota: return "billing_error";
    case ProblemKind::Overloaded: return "overloaded_error";
    case ProblemKind::Upstream: return "api_error";
    case ProblemKind::Timeout: return "timeout_error";
  }
  return "api_error";
}

/// Keeps what was known where the object does not say: the last event of a stream repeats only some numbers.
void update(const UsageObject& object, std::string_view key, std::uint64_t& value) { value = object.number(key).value_or(value); }

}  // namespace

AnthropicCodec::AnthropicCodec(std::uint64_t image_tokens) {
  fields_.output_limit = "max_tokens";
  fields_.messages = "messages";
  fields_.tools = "tools";
  fields_.provider_tool = "mcp_servers";
  fields_.image_tokens = image_tokens;
}

Result<RequestScan> AnthropicCodec::scan(std::string_view body, std::size_t capacity) {
  return scan_request(parser_, body, capacity, fields_);
}

bool AnthropicCodec::read(std::string_view json, std::size_t capacity, std::string_view holder, Usage& usage) {
  const auto object = UsageObject::find(parser_, json, capacity, holder);
  if (!object) return false;
  std::uint64_t written = usage.cache_write + usage.cache_write_1h;
  update(*object, "input_tokens", usage.input);
  update(*object, "output_tokens", usage.output);
  update(*object, "cache_read_input_tokens", usage.cache_read);
  update(*object, "cache_creation_input_tokens", written);
  usage.cache_write_1h = object->number("cache_creation", "ephemeral_1h_input_tokens").value_or(usage.cache_write_1h);
  usage.batch = usage.batch || object->text("service_tier") == "batch";
  usage.cache_write_1h = std::min(usage.cache_write_1h, written);
  usage.cache_write = written - usage.cache_write_1h;
  return true;
}

std::optional<Usage> AnthropicCodec::usage(std::string_view body, std::size_t capacity) {
  Usage usage;
  if (!read(body, capacity, "", usage)) return std::nullopt;
  if (usage.input_total() + usage.output_total() == 0) return std::nullopt;  // nothing costs nothing: it was not counted
  return usage;
}

void AnthropicCodec::meter(const http::SseEvent& event, StreamMeter& meter) {
  meter.usage_only = false;
  if (event.event == "content_block_delta") {
    for (const std::string_view key : {std::string_view("\"text\""), std::string_view("\"partial_json\""),
                                       std::string_view("\"thinking\"")}) {
      bool found = false;
      const auto text = raw_string_after(event.data, key, found);
      if (text.empty()) continue;
      meter.text_bytes += text.size();
      ++meter.text_events;
    }
  } else if (event.event == "message_start" || event.event == "message_delta") {
    const sj::padded_string copy(event.data);
    const std::string_view holder = event.event == "message_start" ? "message" : "";
    const bool found = read(std::string_view(copy), sj::SIMDJSON_PADDING, holder, meter.usage);
    // The first event knows the input only; what it says of the output is where counting begins.
    if (found && holder.empty()) meter.has_usage = true;
  } else if (event.event == "message_stop") {
    meter.finished = true;
  } else if (event.event == "error") {
    meter.failed = true;
  }
}

std::string AnthropicCodec::error_body(const Problem& problem, std::string_view request_id) const {
  std::string out = R"({"type":"error","error":{"type":)";
  append_json_string(out, type_of(problem.kind));
  out += R"(,"message":)";
  append_json_string(out, problem.message);
  out += R"(},"request_id":)";
  append_json_string(out, request_id);
  out += "}";
  return out;
}

std::string AnthropicCodec::error_event(const Problem& problem, std::string_view request_id) const {
  return "event: error\ndata: " + error_body(problem, request_id) + "\n\n";
}

}  // namespace swarm::gateway

#include "adapters/codec/openai.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "adapters/codec/json_text.hpp"
#include "adapters/codec/usage_object.hpp"

namespace swarm::gateway {
namespace sj = simdjson;
namespace {

struct ErrorWords {
  std::string_view type;
  std::string_view code;  // empty: null
};

ErrorWords words(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::InvalidRequest:
    case ProblemKind::MethodNotAllowed:
    case ProblemKind::TooLarge: return {"invalid_request_error", ""};
    case ProblemKind::Authentication: return {"authentication_error", "invalid_api_key"};
    case ProblemKind::Permission: return {"permission_error", "permission_denied"};
    case ProblemKind::NotFound: return {"invalid_request_error", "not_found"};
    case ProblemKind::RateLimit: return {"rate_limit_error", "rate_limit_exceeded"};
    case ProblemKind::Quota: return {"insufficient_quota", "insufficient_quota"};
    case ProblemKind::Overloaded: return {"server_error", "overloaded"};
    case ProblemKind::Upstream: return {"server_error", "upstream_error"};
    case ProblemKind::Timeout: return {"server_error", "timeout"};
  }
  return {"server_error", ""};
}

/// Flex is sold at the price of a batch.
bool is_batch(std::string_view tier) { return tier == "batch" || tier == "flex"; }

/// What the details of prompt or answer name, taken off the whole one after the other: buckets never overlap, whatever an
/// upstream says.
template <std::size_t N>
std::uint64_t take_details(const UsageObject& usage, std::string_view holder, std::uint64_t whole,
                           const std::array<std::pair<std::string_view, std::uint64_t*>, N>& kinds) {
  for (const auto& [key, bucket] : kinds) {
    *bucket = std::min(usage.number(holder, key).value_or(0), whole);
    whole -= *bucket;
  }
  return whole;
}

/// Chat and completions say prompt and completion, Responses says input and output.
std::optional<Usage> usage_of(const UsageObject& usage) {
  const bool chat = usage.has("prompt_tokens");
  const auto in = usage.number(chat ? "prompt_tokens" : "input_tokens");
  const std::uint64_t out = usage.number(chat ? "completion_tokens" : "output_tokens").value_or(0);
  if (!in || *in + out == 0) return std::nullopt;  // nothing costs nothing: it was not counted
  using Kind = std::pair<std::string_view, std::uint64_t*>;
  Usage result;
  const std::array<Kind, 4> heard = {{{"cached_tokens", &result.cache_read}, {"cache_write_tokens", &result.cache_write},
                                      {"audio_tokens", &result.audio_input}, {"image_tokens", &result.image_input}}};
  result.input = take_details(usage, chat ? "prompt_tokens_details" : "input_tokens_details", *in, heard);
  const std::array<Kind, 2> said = {{{"reasoning_tokens", &result.reasoning}, {"audio_tokens", &result.audio_output}}};
  result.output = take_details(usage, chat ? "completion_tokens_details" : "output_tokens_details", out, said);
  return result;
}

RequestFields fields_of(OpenAiSurface surface, std::uint64_t image_tokens) {
  RequestFields fields;
  fields.image_tokens = image_tokens;
  switch (surface) {
    case OpenAiSurface::Chat:
      fields.output_limit = "max_completion_tokens";
      fields.output_limit_other = "max_tokens";
      fields.choices = "n";
      fields.messages = "messages";
      fields.tools = "tools";
      fields.provider_tool = "web_search_options";
      fields.asks_stream_usage = true;
      break;
    case OpenAiSurface::Completions:
      fields.output_limit = "max_tokens";
      fields.choices = "n";
      fields.asks_stream_usage = true;
      break;
    case OpenAiSurface::Embeddings: fields.output_free = true; break;
    case OpenAiSurface::Responses:
      fields.output_limit = "max_output_tokens";
      fields.messages = "input";
      fields.tools = "tools";
      fields.kept = {"previous_response_id", "conversation", "prompt"};
      fields.refers_to_items = true;
      break;
  }
  return fields;
}

}  // namespace

OpenAiCodec::OpenAiCodec(OpenAiSurface surface, std::uint64_t image_tokens)
    : surface_(surface), fields_(fields_of(surface, image_tokens)) {}

Result<RequestScan> OpenAiCodec::scan(std::string_view body, std::size_t capacity) {
  return scan_request(parser_, body, capacity, fields_);
}

std::optional<Usage> OpenAiCodec::read(std::string_view json, std::size_t capacity, std::string_view holder) {
  const auto object = UsageObject::find(parser_, json, capacity, holder);
  auto found = object ? usage_of(*object) : std::nullopt;
  if (!found) return std::nullopt;
  bool said = false;
  found->batch = is_batch(raw_string_after(json, "\"service_tier\"", said));
  return found;
}

std::optional<Usage> OpenAiCodec::usage(std::string_view body, std::size_t capacity) {
  return read(body, capacity, "");
}

void OpenAiCodec::meter(const http::SseEvent& event, StreamMeter& meter) {
  meter.usage_only = false;
  if (surface_ == OpenAiSurface::Responses) return meter_responses(event, meter);
  if (event.data == "[DONE]") {
    meter.finished = true;
    return;
  }
  for (const std::string_view key : {std::string_view("\"content\""), std::string_view("\"text\""), std::string_view("\"arguments\""),
                                     std::string_view("\"reasoning_content\""), std::string_view("\"reasoning\"")}) {
    bool found = false;
    const auto text = raw_string_after(event.data, key, found);
    if (text.empty()) continue;
    meter.text_bytes += text.size();
    ++meter.text_events;
  }
  if (event.data.starts_with("{\"error\"")) meter.failed = true;
  if (!mentions_usage_object(event.data)) return;
  const sj::padded_string copy(event.data);
  if (const auto found = read(std::string_view(copy), sj::SIMDJSON_PADDING, "")) {
    meter.usage = *found;
    meter.has_usage = true;
    // The chunk that include_usage adds has an empty list of choices; some providers put usage into the last real one.
    const std::size_t choices = event.data.find("\"choices\"");
    const std::size_t open = choices == std::string_view::npos ? choices : event.data.find('[', choices);
    meter.usage_only = open != std::string_view::npos && open + 1 < event.data.size() &&
                       event.data[event.data.find_first_not_of(" \n", open + 1)] == ']';
  }
}

void OpenAiCodec::meter_responses(const http::SseEvent& event, StreamMeter& meter) {
  if (event.event.ends_with(".delta")) {
    bool found = false;
    meter.text_bytes += raw_string_after(event.data, "\"delta\"", found).size();
    ++meter.text_events;
    return;
  }
  const bool completed = event.event == "response.completed" || event.event == "response.incomplete";
  meter.failed = meter.failed || event.event == "response.failed" || event.event == "error";
  if (!completed && event.event != "response.failed") return;
  meter.finished = completed;
  const sj::padded_string copy(event.data);
  if (const auto found = read(std::string_view(copy), sj::SIMDJSON_PADDING, "response")) {
    meter.usage = *found;
    meter.has_usage = true;
  }
}

std::string OpenAiCodec::error_body(const Problem& problem, std::string_view) const {
  const ErrorWords word = words(problem.kind);
  const std::string_view code = problem.code.empty() ? word.code : std::string_view(problem.code);
  std::string out = R"({"error":{"message":)";
  append_json_string(out, problem.message);
  out += R"(,"type":)";
  append_json_string(out, word.type);
  out += R"(,"param":null,"code":)";
  if (code.empty()) out += "null";
  else append_json_string(out, code);
  out += "}}";
  return out;
}

std::string OpenAiCodec::error_event(const Problem& problem, std::string_view request_id) const {
  const std::string event = surface_ == OpenAiSurface::Responses ? "event: error\n" : "";
  return event + "data: " + error_body(problem, request_id) + "\n\n";
}

}  // namespace swarm::gateway

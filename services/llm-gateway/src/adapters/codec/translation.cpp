#include "adapters/codec/translation.hpp"

#include <algorithm>

#include "adapters/codec/json_value.hpp"

namespace swarm::gateway {
namespace json = boost::json;
namespace {

json::array array_of(json::object only) {
  json::array list;
  list.push_back(std::move(only));
  return list;
}

Result<json::object> openai_answer_of(const json::object& from, std::string_view model) {
  const auto* blocks = array_at(from, "content");
  if (blocks == nullptr) return Error{Code::Unavailable, "the upstream's answer holds no message"};
  std::string text;
  std::string reasoning;
  json::array calls;
  for (const auto& block : *blocks) {
    const auto* object = block.if_object();
    if (object == nullptr) continue;
    const std::string_view type = text_at(*object, "type");
    if (type == "text") text += text_at(*object, "text");
    if (type == "thinking") reasoning += text_at(*object, "thinking");
    if (type != "tool_use") continue;
    const auto* input = object->if_contains("input");
    calls.push_back({{"id", json_view(text_at(*object, "id"))}, {"type", "function"},
                     {"function", {{"name", json_view(text_at(*object, "name"))}, {"arguments", input != nullptr ? json::serialize(*input) : "{}"}}}});
  }
  json::object message{{"role", "assistant"}};
  message["content"] = text.empty() && !calls.empty() ? json::value() : json::value(json_view(text));
  if (!reasoning.empty()) message["reasoning_content"] = json_view(reasoning);
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  json::object choice{{"index", 0}, {"finish_reason", json_view(openai_finish_reason(text_at(from, "stop_reason")))}, {"logprobs", nullptr}};
  choice["message"] = std::move(message);
  json::object to{{"id", "chatcmpl-" + std::string(text_at(from, "id"))}, {"object", "chat.completion"}, {"created", 0}, {"model", json_view(model)}};
  to["choices"] = array_of(std::move(choice));
  if (const auto* usage = object_at(from, "usage")) to["usage"] = openai_usage_of(*usage);
  return to;
}

Result<json::object> anthropic_answer_of(const json::object& from, std::string_view model) {
  const auto* choices = array_at(from, "choices");
  const auto* choice = choices != nullptr && !choices->empty() ? choices->front().if_object() : nullptr;
  const auto* message = choice != nullptr ? object_at(*choice, "message") : nullptr;
  if (message == nullptr) return Error{Code::Unavailable, "the upstream's answer holds no message"};
  json::array content;
  std::string_view text = text_at(*message, "content");
  if (text.empty()) text = text_at(*message, "refusal");
  if (!text.empty()) content.push_back({{"type", "text"}, {"text", json_view(text)}});
  if (const auto* calls = array_at(*message, "tool_calls")) {
    for (const auto& call : *calls) {
      const auto* object = call.if_object();
      const auto* function = object != nullptr ? object_at(*object, "function") : nullptr;
      if (function == nullptr) continue;
      const auto arguments = text_at(*function, "arguments");
      auto input = parse_json(arguments);
      // A model may write arguments that are no JSON; the caller shall see them, in the only shape that the dialect has.
      if (!input || !input->is_object()) input = json::object{{"arguments", json_view(arguments)}};
      content.push_back({{"type", "tool_use"}, {"id", json_view(text_at(*object, "id"))}, {"name", json_view(text_at(*function, "name"))},
                         {"input", std::move(*input)}});
    }
  }
  json::object to{{"id", "msg_" + std::string(text_at(from, "id"))}, {"type", "message"}, {"role", "assistant"}, {"model", json_view(model)},
                  {"stop_reason", json_view(anthropic_stop_reason(text_at(*choice, "finish_reason")))}, {"stop_sequence", nullptr}};
  to["content"] = std::move(content);
  const auto* usage = object_at(from, "usage");
  to["usage"] = anthropic_usage_of(usage != nullptr ? *usage : json::object());
  return to;
}

}  // namespace

std::string_view openai_finish_reason(std::string_view reason) {
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return "length";
  if (reason == "tool_use") return "tool_calls";
  if (reason == "refusal") return "content_filter";
  return "stop";
}

std::string_view anthropic_stop_reason(std::string_view reason) {
  if (reason == "length") return "max_tokens";
  if (reason == "tool_calls" || reason == "function_call") return "tool_use";
  if (reason == "content_filter") return "refusal";
  return "end_turn";
}

json::object openai_usage_of(const json::object& from) {
  const auto cached = number_at(from, "cache_read_input_tokens");
  const auto prompt = number_at(from, "input_tokens") + cached + number_at(from, "cache_creation_input_tokens");
  const auto output = number_at(from, "output_tokens");
  return {{"prompt_tokens", prompt}, {"completion_tokens", output}, {"total_tokens", prompt + output},
          {"prompt_tokens_details", {{"cached_tokens", cached}}}};
}

json::object anthropic_usage_of(const json::object& from) {
  const auto* details = object_at(from, "prompt_tokens_details");
  const auto prompt = number_at(from, "prompt_tokens");
  const auto cached = std::clamp<std::int64_t>(details != nullptr ? number_at(*details, "cached_tokens") : 0, 0, std::max<std::int64_t>(prompt, 0));
  return {{"input_tokens", prompt - cached}, {"output_tokens", number_at(from, "completion_tokens")},
          {"cache_read_input_tokens", cached}, {"cache_creation_input_tokens", 0}};
}

Result<std::string> JsonTranslation::request(std::string_view body, Dialect from, Target target) {
  const auto parsed = parse_json(body);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) return Error{Code::InvalidArgument, "the body is not a JSON object, or nested too deep"};
  BOOST_OUTCOME_TRY(const auto made, from == Dialect::OpenAi ? anthropic_request_of(*object, target) : openai_request_of(*object, target));
  return json::serialize(made);
}

Result<std::string> JsonTranslation::answer(std::string_view body, Dialect from, std::string_view model) {
  const auto parsed = parse_json(body);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) return Error{Code::Unavailable, "the upstream's answer is no JSON object"};
  BOOST_OUTCOME_TRY(const auto made, from == Dialect::Anthropic ? openai_answer_of(*object, model) : anthropic_answer_of(*object, model));
  return json::serialize(made);
}

std::unique_ptr<StreamTranslation> JsonTranslation::stream(Dialect from, std::string_view model, bool wants_usage) {
  return from == Dialect::Anthropic ? openai_stream_of_anthropic(model, wants_usage) : anthropic_stream_of_openai(model);
}

std::string JsonTranslation::error_message(std::string_view body) {
  static constexpr std::size_t kMessageMax = 2000;
  const auto parsed = parse_json(body);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) return {};
  const auto* error = object_at(*object, "error");
  return std::string(text_at(error != nullptr ? *error : *object, "message").substr(0, kMessageMax));
}

}  // namespace swarm::gateway

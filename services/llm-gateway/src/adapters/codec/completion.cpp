#include "adapters/codec/completion.hpp"

#include <boost/json.hpp>

namespace swarm::gateway {
namespace json = boost::json;
namespace {

constexpr std::int64_t kAnthropicMaxTokens = 4096;

std::optional<json::value> parse(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return std::nullopt;
  return value;
}

Result<json::array> list_of(std::string_view text, std::string_view field) {
  auto value = parse(text);
  if (!value || !value->is_array()) return Error{Code::InvalidArgument, std::string(field) + " is not a JSON list"};
  return std::move(value->get_array());
}

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

/// Anthropic's tools have no wrapper around name and schema.
json::array anthropic_tools(const json::array& tools) {
  json::array out;
  for (const auto& tool : tools) {
    const auto* object = tool.if_object();
    const auto* function = object != nullptr ? object->if_contains("function") : nullptr;
    if (function == nullptr || !function->is_object()) {
      out.push_back(tool);
      continue;
    }
    json::object made;
    for (const auto& [from, to] : {std::pair{"name", "name"}, {"description", "description"}, {"parameters", "input_schema"}}) {
      if (const auto* field = function->get_object().if_contains(from)) made[to] = *field;
    }
    out.push_back(std::move(made));
  }
  return out;
}

/// Moves system messages out of the list, where Anthropic wants them.
void lift_system(json::array& messages, std::string& system) {
  json::array rest;
  for (auto& message : messages) {
    const auto* object = message.if_object();
    const auto* role = object != nullptr ? object->if_contains("role") : nullptr;
    if (role == nullptr || !role->is_string() || role->get_string() != "system") {
      rest.push_back(std::move(message));
      continue;
    }
    const auto* content = object->if_contains("content");
    if (content == nullptr || !content->is_string()) continue;
    if (!system.empty()) system += "\n\n";
    system += std::string_view(content->get_string().data(), content->get_string().size());
  }
  messages = std::move(rest);
}

const json::value* at(const json::value& value, std::initializer_list<const char*> path) {
  const json::value* here = &value;
  for (const char* step : path) {
    const auto* object = here->if_object();
    here = object != nullptr ? object->if_contains(step) : nullptr;
    if (here == nullptr) return nullptr;
  }
  return here;
}

std::optional<std::string> openai_text(const json::value& body) {
  const auto* choices = at(body, {"choices"});
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return std::nullopt;
  const auto* message = at(choices->get_array().front(), {"message"});
  if (message == nullptr) return std::nullopt;
  const auto* content = at(*message, {"content"});
  if (content != nullptr && content->is_string() && !content->get_string().empty()) return std::string(content->get_string());
  if (const auto* calls = at(*message, {"tool_calls"})) return json::serialize(json::object{{"tool_calls", *calls}});
  if (content != nullptr && content->is_string()) return std::string();
  return std::nullopt;
}

std::optional<std::string> anthropic_text(const json::value& body) {
  const auto* content = at(body, {"content"});
  if (content == nullptr || !content->is_array()) return std::nullopt;
  std::string text;
  json::array calls;
  for (const auto& block : content->get_array()) {
    const auto* type = at(block, {"type"});
    if (type == nullptr || !type->is_string()) continue;
    const auto* words = at(block, {"text"});
    if (type->get_string() == "text" && words != nullptr && words->is_string()) text += std::string(words->get_string());
    if (type->get_string() == "tool_use") calls.push_back(block);
  }
  if (text.empty() && !calls.empty()) return json::serialize(json::object{{"tool_calls", calls}});
  return text;
}

}  // namespace

Result<std::string> JsonCompletionCodec::request(const Prompt& prompt, Dialect dialect) {
  json::array messages;
  std::string system = prompt.system;
  if (!prompt.messages_json.empty()) {
    BOOST_OUTCOME_TRY(messages, list_of(prompt.messages_json, "messages_json"));
  }
  if (messages.empty()) {
    messages.push_back(json::object{{"role", "user"}, {"content", view(prompt.text)}});
  }
  json::object body;
  body["model"] = view(prompt.model);
  if (dialect == Dialect::Anthropic) {
    lift_system(messages, system);
    if (prompt.json_mode) system += system.empty() ? "Answer with one JSON object and nothing else." : "\n\nAnswer with one JSON object and nothing else.";
    if (!system.empty()) body["system"] = view(system);
    body["max_tokens"] = kAnthropicMaxTokens;
  } else {
    if (!system.empty()) messages.insert(messages.begin(), json::object{{"role", "system"}, {"content", view(system)}});
    if (prompt.json_mode) body["response_format"] = json::object{{"type", "json_object"}};
  }
  body["messages"] = std::move(messages);
  if (!prompt.tools_json.empty()) {
    BOOST_OUTCOME_TRY(auto tools, list_of(prompt.tools_json, "tools_json"));
    if (!tools.empty()) body["tools"] = dialect == Dialect::Anthropic ? anthropic_tools(tools) : std::move(tools);
  }
  return json::serialize(body);
}

Result<std::string> JsonCompletionCodec::text(std::string_view body, Dialect dialect) {
  const auto value = parse(body);
  std::optional<std::string> text;
  if (value) text = dialect == Dialect::Anthropic ? anthropic_text(*value) : openai_text(*value);
  if (!text) return Error{Code::Unavailable, "the upstream's answer holds no completion"};
  return std::move(*text);
}

std::string JsonCompletionCodec::error_text(std::string_view body) {
  const auto value = parse(body);
  const auto* message = value ? at(*value, {"error", "message"}) : nullptr;
  if (message == nullptr || !message->is_string()) return "the upstream answered with an error";
  return std::string(message->get_string()).substr(0, 1000);
}

std::optional<std::string> JsonCompletionCodec::json_in(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  const std::string_view all = text.substr(first, last - first + 1);
  if (parse(all)) return std::string(all);
  for (const auto& [open, close] : {std::pair{'{', '}'}, {'[', ']'}}) {
    const std::size_t begin = text.find(open);
    const std::size_t end = text.rfind(close);
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) continue;
    const std::string_view inner = text.substr(begin, end - begin + 1);
    if (parse(inner)) return std::string(inner);
  }
  return std::nullopt;
}

}  // namespace swarm::gateway

// Chat requests of OpenAI's dialect in Anthropic's.
#include <algorithm>

#include "adapters/codec/json_value.hpp"
#include "adapters/codec/translation.hpp"

namespace swarm::gateway {
namespace json = boost::json;
namespace {

constexpr std::uint64_t kMaxTokensUnknown = 4096;

Error no_words_for(std::string_view what) {
  return Error{Code::InvalidArgument, std::string(what) + " can't be said in the dialect of this model's upstream"};
}

json::object text_block(std::string_view text) { return {{"type", "text"}, {"text", json_view(text)}}; }

/// "data:image/png;base64,…" is sent along, any other address is fetched by the provider.
Result<json::object> image_block(std::string_view url) {
  json::object source;
  static constexpr std::string_view kMark = ";base64,";
  if (url.starts_with("data:")) {
    const std::size_t mark = url.find(kMark);
    if (mark == std::string_view::npos) return no_words_for("an image that is neither base64 nor a link");
    source = {{"type", "base64"}, {"media_type", json_view(url.substr(5, mark - 5))}, {"data", json_view(url.substr(mark + kMark.size()))}};
  } else if (url.starts_with("https://") || url.starts_with("http://")) {
    source = {{"type", "url"}, {"url", json_view(url)}};
  } else {
    return no_words_for("an image that is neither base64 nor a link");
  }
  return json::object{{"type", "image"}, {"source", std::move(source)}};
}

/// A message's content as a list of blocks; empty texts, which Anthropic refuses, are left out.
Result<json::array> blocks_of(const json::value* content) {
  json::array blocks;
  if (content == nullptr || content->is_null()) return blocks;
  if (const auto* text = content->if_string()) {
    if (!text->empty()) blocks.push_back(text_block(view_of(*text)));
    return blocks;
  }
  const auto* parts = content->if_array();
  if (parts == nullptr) return Error{Code::InvalidArgument, "\"content\" is neither a text nor a list"};
  for (const auto& part : *parts) {
    const auto* object = part.if_object();
    if (object == nullptr) return Error{Code::InvalidArgument, "a part of \"content\" is not an object"};
    const std::string_view type = text_at(*object, "type");
    if (type == "text" || type == "refusal") {
      const std::string_view text = text_at(*object, type == "text" ? "text" : "refusal");
      if (!text.empty()) blocks.push_back(text_block(text));
    } else if (type == "image_url") {
      const auto* holder = object_at(*object, "image_url");
      BOOST_OUTCOME_TRY(auto block, image_block(holder != nullptr ? text_at(*holder, "url") : text_at(*object, "image_url")));
      blocks.push_back(std::move(block));
    } else {
      return no_words_for("a part of type \"" + std::string(type) + "\"");
    }
  }
  return blocks;
}

Result<void> append_tool_calls(const json::array& calls, json::array& blocks) {
  for (const auto& call : calls) {
    const auto* object = call.if_object();
    const auto* function = object != nullptr ? object_at(*object, "function") : nullptr;
    if (function == nullptr) return no_words_for("a tool call that is no function");
    const std::string_view arguments = text_at(*function, "arguments");
    auto input = parse_json(arguments.empty() ? std::string_view("{}") : arguments);
    if (!input || !input->is_object()) return Error{Code::InvalidArgument, "the arguments of a tool call are not a JSON object"};
    blocks.push_back({{"type", "tool_use"}, {"id", json_view(text_at(*object, "id"))}, {"name", json_view(text_at(*function, "name"))},
                      {"input", std::move(*input)}});
  }
  return outcome::success();
}

/// Messages in a row of one role become one: the results of parallel tool calls must come back together.
void append_message(json::array& messages, std::string_view role, json::array blocks) {
  if (blocks.empty()) return;
  if (!messages.empty()) {
    auto& last = messages.back().get_object();
    if (text_at(last, "role") == role) {
      auto& content = last["content"].get_array();
      for (auto& block : blocks) content.push_back(std::move(block));
      return;
    }
  }
  messages.push_back({{"role", json_view(role)}, {"content", std::move(blocks)}});
}

Result<void> append_any(const json::object& message, json::array& messages, std::string& system) {
  const std::string_view role = text_at(message, "role");
  BOOST_OUTCOME_TRY(auto blocks, blocks_of(message.if_contains("content")));
  if (role == "system" || role == "developer") {
    for (const auto& block : blocks) {
      if (!system.empty()) system += "\n\n";
      system += text_at(block.get_object(), "text");
    }
  } else if (role == "user") {
    append_message(messages, "user", std::move(blocks));
  } else if (role == "assistant") {
    if (const auto* calls = array_at(message, "tool_calls")) {
      BOOST_OUTCOME_TRYV(append_tool_calls(*calls, blocks));
    }
    append_message(messages, "assistant", std::move(blocks));
  } else if (role == "tool") {
    json::array result;
    result.push_back({{"type", "tool_result"}, {"tool_use_id", json_view(text_at(message, "tool_call_id"))}, {"content", std::move(blocks)}});
    append_message(messages, "user", std::move(result));
  } else {
    return no_words_for("a message of the role \"" + std::string(role) + "\"");
  }
  return outcome::success();
}

Result<json::array> tools_of(const json::array& tools) {
  json::array made;
  for (const auto& tool : tools) {
    const auto* object = tool.if_object();
    const auto* function = object != nullptr ? object_at(*object, "function") : nullptr;
    if (function == nullptr) return no_words_for("a tool that is no function");
    json::object out{{"name", json_view(text_at(*function, "name"))}};
    if (const auto text = text_at(*function, "description"); !text.empty()) out["description"] = json_view(text);
    const auto* schema = object_at(*function, "parameters");
    out["input_schema"] = schema != nullptr ? *schema : json::object{{"type", "object"}, {"properties", json::object()}};
    made.push_back(std::move(out));
  }
  return made;
}

Result<void> set_tool_choice(const json::object& from, json::object& to) {
  json::object choice;
  if (const auto* named = object_at(from, "tool_choice")) {
    const auto* function = object_at(*named, "function");
    if (function == nullptr) return no_words_for("this \"tool_choice\"");
    choice = {{"type", "tool"}, {"name", json_view(text_at(*function, "name"))}};
  } else if (const std::string_view word = text_at(from, "tool_choice"); !word.empty()) {
    choice["type"] = word == "required" ? "any" : word == "none" ? "none" : "auto";
  }
  const auto* parallel = from.if_contains("parallel_tool_calls");
  if (parallel != nullptr && parallel->is_bool() && !parallel->get_bool() && text_at(choice, "type") != "none") {
    if (choice.empty()) choice["type"] = "auto";
    choice["disable_parallel_tool_use"] = true;
  }
  if (!choice.empty()) to["tool_choice"] = std::move(choice);
  return outcome::success();
}

/// Anthropic has no switch for JSON: it is asked for in words.
void ask_for_json(const json::object& from, std::string& system) {
  const auto* format = object_at(from, "response_format");
  if (format == nullptr || text_at(*format, "type") == "text") return;
  if (!system.empty()) system += "\n\n";
  system += "Answer with one valid JSON value and nothing else.";
  const auto* holder = object_at(*format, "json_schema");
  const auto* schema = holder != nullptr ? object_at(*holder, "schema") : nullptr;
  if (schema != nullptr) system += " It must follow this JSON Schema: " + json::serialize(*schema);
}

void set_numbers(const json::object& from, json::object& to, std::uint64_t output_tokens_max) {
  const auto asked = std::max(number_at(from, "max_tokens"), number_at(from, "max_completion_tokens"));
  const std::uint64_t unasked = output_tokens_max > 0 ? output_tokens_max : kMaxTokensUnknown;
  to["max_tokens"] = asked > 0 ? static_cast<std::uint64_t>(asked) : unasked;
  if (const auto* value = from.if_contains("temperature"); value != nullptr && value->is_number()) {
    to["temperature"] = std::min(value->to_number<double>(), 1.0);  // OpenAI's scale ends at 2
  }
  if (const auto* value = from.if_contains("top_p"); value != nullptr && value->is_number()) to["top_p"] = *value;
}

}  // namespace

Result<json::object> anthropic_request_of(const json::object& from, Translation::Target target) {
  if (number_at(from, "n") > 1) return no_words_for("\"n\" above 1");
  if (true_at(from, "logprobs")) return no_words_for("\"logprobs\"");
  if (given(from, "audio")) return no_words_for("\"audio\"");
  const auto* given_messages = array_at(from, "messages");
  if (given_messages == nullptr) return Error{Code::InvalidArgument, "\"messages\" is not a list"};
  json::object to{{"model", json_view(target.model)}};
  set_numbers(from, to, target.output_tokens_max);
  std::string system;
  json::array messages;
  for (const auto& message : *given_messages) {
    const auto* object = message.if_object();
    if (object == nullptr) return Error{Code::InvalidArgument, "a message is not an object"};
    BOOST_OUTCOME_TRYV(append_any(*object, messages, system));
  }
  ask_for_json(from, system);
  if (!system.empty()) to["system"] = json_view(system);
  to["messages"] = std::move(messages);
  if (const auto* tools = array_at(from, "tools"); tools != nullptr && !tools->empty()) {
    BOOST_OUTCOME_TRY(to["tools"], tools_of(*tools));
    BOOST_OUTCOME_TRYV(set_tool_choice(from, to));
  }
  if (const auto* stop = from.if_contains("stop"); stop != nullptr && !stop->is_null()) {
    to["stop_sequences"] = stop->is_array() ? stop->get_array() : json::array{*stop};
  }
  if (const auto user = text_at(from, "user"); !user.empty()) to["metadata"] = {{"user_id", json_view(user)}};
  if (true_at(from, "stream")) to["stream"] = true;
  return to;
}

}  // namespace swarm::gateway

// Message requests of Anthropic's dialect in OpenAI's.
#include "adapters/codec/json_value.hpp"
#include "adapters/codec/translation.hpp"

namespace swarm::gateway {
namespace json = boost::json;
namespace {

Error no_words_for(std::string_view what) {
  return Error{Code::InvalidArgument, std::string(what) + " can't be said in the dialect of this model's upstream"};
}

json::object text_part(std::string_view text) { return {{"type", "text"}, {"text", json_view(text)}}; }

Result<json::object> image_part(const json::object& block) {
  const auto* source = object_at(block, "source");
  const std::string_view type = source != nullptr ? text_at(*source, "type") : std::string_view();
  std::string url;
  if (type == "base64") url = "data:" + std::string(text_at(*source, "media_type")) + ";base64," + std::string(text_at(*source, "data"));
  else if (type == "url") url = text_at(*source, "url");
  else return no_words_for("an image that is neither base64 nor a link");
  return json::object{{"type", "image_url"}, {"image_url", {{"url", url}}}};
}

/// A text, or blocks of text one after the other.
std::string joined_text(const json::value* content) {
  if (content == nullptr) return {};
  if (const auto* text = content->if_string()) return std::string(view_of(*text));
  std::string all;
  if (const auto* blocks = content->if_array()) {
    for (const auto& block : *blocks) {
      const auto* object = block.if_object();
      if (object == nullptr || text_at(*object, "type") != "text") continue;
      if (!all.empty()) all += "\n";
      all += text_at(*object, "text");
    }
  }
  return all;
}

/// What one message of Anthropic's holds, sorted by where it goes.
struct Sorted {
  json::array results;  // messages of the role "tool", which must follow the calls at once
  json::array parts;
  json::array calls;
  bool only_text = true;
};

Result<void> sort_block(const json::object& block, Sorted& out) {
  const std::string_view type = text_at(block, "type");
  if (type == "text") {
    out.parts.push_back(text_part(text_at(block, "text")));
  } else if (type == "image") {
    BOOST_OUTCOME_TRY(auto part, image_part(block));
    out.parts.push_back(std::move(part));
    out.only_text = false;
  } else if (type == "tool_use") {
    const auto* input = block.if_contains("input");
    const std::string arguments = input != nullptr && input->is_object() ? json::serialize(*input) : "{}";
    out.calls.push_back({{"id", json_view(text_at(block, "id"))}, {"type", "function"},
                         {"function", {{"name", json_view(text_at(block, "name"))}, {"arguments", arguments}}}});
  } else if (type == "tool_result") {
    std::string text = joined_text(block.if_contains("content"));
    if (true_at(block, "is_error")) text = "error: " + text;
    out.results.push_back({{"role", "tool"}, {"tool_call_id", json_view(text_at(block, "tool_use_id"))}, {"content", text}});
  } else if (type != "thinking" && type != "redacted_thinking") {  // another provider can't read these
    return no_words_for("a block of type \"" + std::string(type) + "\"");
  }
  return outcome::success();
}

json::value content_of(Sorted& sorted) {
  if (!sorted.only_text) return std::move(sorted.parts);
  std::string text;
  for (const auto& part : sorted.parts) {
    if (!text.empty()) text += "\n";
    text += text_at(part.get_object(), "text");
  }
  return json::value(json_view(text));
}

Result<void> append_any(const json::object& message, json::array& messages) {
  const std::string_view role = text_at(message, "role");
  if (role != "user" && role != "assistant") return no_words_for("a message of the role \"" + std::string(role) + "\"");
  const auto* content = message.if_contains("content");
  if (content != nullptr && content->is_string()) {
    messages.push_back({{"role", json_view(role)}, {"content", *content}});
    return outcome::success();
  }
  const auto* blocks = content != nullptr ? content->if_array() : nullptr;
  if (blocks == nullptr) return Error{Code::InvalidArgument, "\"content\" is neither a text nor a list"};
  Sorted sorted;
  for (const auto& block : *blocks) {
    const auto* object = block.if_object();
    if (object == nullptr) return Error{Code::InvalidArgument, "a block of \"content\" is not an object"};
    BOOST_OUTCOME_TRYV(sort_block(*object, sorted));
  }
  for (auto& result : sorted.results) messages.push_back(std::move(result));
  if (sorted.parts.empty() && sorted.calls.empty()) return outcome::success();
  json::object out{{"role", json_view(role)}};
  out["content"] = sorted.parts.empty() ? json::value() : content_of(sorted);
  if (!sorted.calls.empty()) out["tool_calls"] = std::move(sorted.calls);
  messages.push_back(std::move(out));
  return outcome::success();
}

Result<json::array> tools_of(const json::array& tools) {
  json::array made;
  for (const auto& tool : tools) {
    const auto* object = tool.if_object();
    const auto* schema = object != nullptr ? object_at(*object, "input_schema") : nullptr;
    if (schema == nullptr) return no_words_for("a tool that the provider runs itself");
    json::object function{{"name", json_view(text_at(*object, "name"))}, {"parameters", *schema}};
    if (const auto text = text_at(*object, "description"); !text.empty()) function["description"] = json_view(text);
    made.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return made;
}

void set_tool_choice(const json::object& from, json::object& to) {
  const auto* choice = object_at(from, "tool_choice");
  if (choice == nullptr) return;
  const std::string_view type = text_at(*choice, "type");
  if (type == "tool") to["tool_choice"] = {{"type", "function"}, {"function", {{"name", json_view(text_at(*choice, "name"))}}}};
  else to["tool_choice"] = type == "any" ? "required" : type == "none" ? "none" : "auto";
  if (true_at(*choice, "disable_parallel_tool_use")) to["parallel_tool_calls"] = false;
}

}  // namespace

Result<json::object> openai_request_of(const json::object& from, Translation::Target target) {
  const auto* given_messages = array_at(from, "messages");
  if (given_messages == nullptr) return Error{Code::InvalidArgument, "\"messages\" is not a list"};
  json::object to{{"model", json_view(target.model)}};
  json::array messages;
  if (const std::string system = joined_text(from.if_contains("system")); !system.empty()) {
    messages.push_back({{"role", "system"}, {"content", system}});
  }
  for (const auto& message : *given_messages) {
    const auto* object = message.if_object();
    if (object == nullptr) return Error{Code::InvalidArgument, "a message is not an object"};
    BOOST_OUTCOME_TRYV(append_any(*object, messages));
  }
  to["messages"] = std::move(messages);
  if (const auto limit = number_at(from, "max_tokens"); limit > 0) to["max_completion_tokens"] = limit;
  for (const char* key : {"temperature", "top_p"}) {
    if (given(from, key)) to[key] = *from.if_contains(key);
  }
  if (given(from, "stop_sequences")) to["stop"] = *from.if_contains("stop_sequences");
  if (const auto* tools = array_at(from, "tools"); tools != nullptr && !tools->empty()) {
    BOOST_OUTCOME_TRY(to["tools"], tools_of(*tools));
    set_tool_choice(from, to);
  }
  if (const auto* metadata = object_at(from, "metadata")) {
    if (const auto user = text_at(*metadata, "user_id"); !user.empty()) to["user"] = json_view(user);
  }
  if (true_at(from, "stream")) {
    to["stream"] = true;
    to["stream_options"] = {{"include_usage", true}};
  }
  return to;
}

}  // namespace swarm::gateway

// Streams of one dialect in the other's events.
#include <map>

#include "adapters/codec/json_value.hpp"
#include "adapters/codec/translation.hpp"

namespace swarm::gateway {
namespace json = boost::json;
namespace {

// A stream that opens more tool calls than this is no model's.
constexpr std::size_t kCallsMax = 1024;

class OpenAiEvents final : public StreamTranslation {
 public:
  OpenAiEvents(std::string_view model, bool wants_usage) : model_(model), wants_usage_(wants_usage) {}

  void event(const http::SseEvent& event, std::string& out) override {
    const auto parsed = parse_json(event.data);
    const auto* object = parsed ? parsed->if_object() : nullptr;
    if (object == nullptr || done_) return;
    const std::string_view type = text_at(*object, "type");
    if (type == "message_start") begin(*object, out);
    else if (type == "content_block_start") open(*object, out);
    else if (type == "content_block_delta") add(*object, out);
    else if (type == "message_delta") tell_reason(*object, out);
    else if (type == "message_stop") end(out);
    else if (type == "error") fail(*object, out);
  }

  void finish(std::string& out) override {
    if (!done_) end(out);
  }

 private:
  void keep_usage(const json::object& from) {
    for (const auto& field : from) usage_.insert_or_assign(field.key(), field.value());
  }

  void begin(const json::object& event, std::string& out) {
    const auto* message = object_at(event, "message");
    if (message == nullptr) return;
    id_ = "chatcmpl-" + std::string(text_at(*message, "id"));
    if (const auto* usage = object_at(*message, "usage")) keep_usage(*usage);
    chunk({{"role", "assistant"}, {"content", ""}}, nullptr, out);
  }

  void open(const json::object& event, std::string& out) {
    const auto* block = object_at(event, "content_block");
    if (block == nullptr || text_at(*block, "type") != "tool_use" || calls_.size() >= kCallsMax) return;
    const auto call = static_cast<std::int64_t>(calls_.size());
    calls_[number_at(event, "index")] = call;
    json::array calls;
    calls.push_back({{"index", call}, {"id", json_view(text_at(*block, "id"))}, {"type", "function"},
                     {"function", {{"name", json_view(text_at(*block, "name"))}, {"arguments", ""}}}});
    chunk({{"tool_calls", std::move(calls)}}, nullptr, out);
  }

  void add(const json::object& event, std::string& out) {
    const auto* delta = object_at(event, "delta");
    if (delta == nullptr) return;
    const std::string_view type = text_at(*delta, "type");
    if (type == "text_delta") chunk({{"content", json_view(text_at(*delta, "text"))}}, nullptr, out);
    if (type == "thinking_delta") chunk({{"reasoning_content", json_view(text_at(*delta, "thinking"))}}, nullptr, out);
    const auto call = calls_.find(number_at(event, "index"));
    if (type != "input_json_delta" || call == calls_.end()) return;
    json::array calls;
    calls.push_back({{"index", call->second}, {"function", {{"arguments", json_view(text_at(*delta, "partial_json"))}}}});
    chunk({{"tool_calls", std::move(calls)}}, nullptr, out);
  }

  void tell_reason(const json::object& event, std::string& out) {
    if (const auto* usage = object_at(event, "usage")) keep_usage(*usage);
    const auto* delta = object_at(event, "delta");
    const std::string_view reason = delta != nullptr ? text_at(*delta, "stop_reason") : std::string_view();
    if (!reason.empty()) chunk({}, json::value(json_view(openai_finish_reason(reason))), out);
  }

  void end(std::string& out) {
    done_ = true;
    if (wants_usage_) {
      json::object last = head();
      last["choices"] = json::array();
      last["usage"] = openai_usage_of(usage_);
      write(last, out);
    }
    out += "data: [DONE]\n\n";
  }

  void fail(const json::object& event, std::string& out) {
    done_ = true;
    const auto* error = object_at(event, "error");
    const bool busy = error != nullptr && text_at(*error, "type") == "overloaded_error";
    write({{"error", {{"message", json_view(error != nullptr ? text_at(*error, "message") : "the upstream failed")}, {"type", "server_error"},
                      {"param", nullptr}, {"code", busy ? "overloaded" : "upstream_error"}}}}, out);
  }

  json::object head() const {
    return {{"id", id_}, {"object", "chat.completion.chunk"}, {"created", 0}, {"model", model_}};
  }
  void chunk(json::object delta, json::value reason, std::string& out) {
    json::object choice{{"index", 0}};
    choice["delta"] = std::move(delta);
    choice["finish_reason"] = std::move(reason);
    json::array choices;
    choices.push_back(std::move(choice));
    json::object made = head();
    made["choices"] = std::move(choices);
    write(made, out);
  }
  static void write(const json::object& made, std::string& out) {
    out += "data: ";
    out += json::serialize(made);
    out += "\n\n";
  }

  std::string model_;
  bool wants_usage_;
  bool done_ = false;
  std::string id_ = "chatcmpl-";
  json::object usage_;
  std::map<std::int64_t, std::int64_t> calls_;  // block → tool call
};

class AnthropicEvents final : public StreamTranslation {
 public:
  explicit AnthropicEvents(std::string_view model) : model_(model) {}

  void event(const http::SseEvent& event, std::string& out) override {
    if (done_) return;
    if (event.data == "[DONE]") return end(out);
    const auto parsed = parse_json(event.data);
    const auto* object = parsed ? parsed->if_object() : nullptr;
    if (object == nullptr) return;
    if (const auto* error = object_at(*object, "error")) return fail(*error, out);
    begin(*object, out);
    if (const auto* usage = object_at(*object, "usage")) usage_ = anthropic_usage_of(*usage);
    const auto* choices = array_at(*object, "choices");
    const auto* choice = choices != nullptr && !choices->empty() ? choices->front().if_object() : nullptr;
    if (choice == nullptr) return;
    if (const auto* delta = object_at(*choice, "delta")) add(*delta, out);
    if (const auto reason = text_at(*choice, "finish_reason"); !reason.empty()) reason_ = anthropic_stop_reason(reason);
  }

  void finish(std::string& out) override {
    if (!done_) end(out);
  }

 private:
  enum class Block { None, Text, Thinking, Call };

  void begin(const json::object& chunk, std::string& out) {
    if (begun_) return;
    begun_ = true;
    json::object message{{"id", "msg_" + std::string(text_at(chunk, "id"))}, {"type", "message"}, {"role", "assistant"}, {"model", model_},
                         {"content", json::array()}, {"stop_reason", nullptr}, {"stop_sequence", nullptr}};
    message["usage"] = json::object{{"input_tokens", 0}, {"output_tokens", 0}};
    json::object made{{"type", "message_start"}};
    made["message"] = std::move(message);
    write(made, out);
  }

  void add(const json::object& delta, std::string& out) {
    if (const auto text = text_at(delta, "reasoning_content"); !text.empty()) {
      open(Block::Thinking, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}, out);
      put(index_, {{"type", "thinking_delta"}, {"thinking", json_view(text)}}, out);
    }
    for (const char* key : {"content", "refusal"}) {
      const auto text = text_at(delta, key);
      if (text.empty()) continue;
      open(Block::Text, {{"type", "text"}, {"text", ""}}, out);
      put(index_, {{"type", "text_delta"}, {"text", json_view(text)}}, out);
    }
    const auto* calls = array_at(delta, "tool_calls");
    if (calls == nullptr) return;
    for (const auto& call : *calls) {
      if (const auto* object = call.if_object()) add_call(*object, out);
    }
  }

  void add_call(const json::object& call, std::string& out) {
    const auto* function = object_at(call, "function");
    const auto number = number_at(call, "index");
    auto known = calls_.find(number);
    if (known == calls_.end()) {
      if (calls_.size() >= kCallsMax) return;
      close(out);
      open(Block::Call, {{"type", "tool_use"}, {"id", json_view(text_at(call, "id"))},
                         {"name", json_view(function != nullptr ? text_at(*function, "name") : std::string_view())}, {"input", json::object()}}, out);
      known = calls_.emplace(number, index_).first;
    }
    const auto arguments = function != nullptr ? text_at(*function, "arguments") : std::string_view();
    if (!arguments.empty()) put(known->second, {{"type", "input_json_delta"}, {"partial_json", json_view(arguments)}}, out);
  }

  void open(Block kind, json::object block, std::string& out) {
    if (open_ == kind && kind != Block::Call) return;
    close(out);
    open_ = kind;
    ++index_;
    json::object made{{"type", "content_block_start"}, {"index", index_}};
    made["content_block"] = std::move(block);
    write(made, out);
  }
  void close(std::string& out) {
    if (open_ == Block::None) return;
    open_ = Block::None;
    write({{"type", "content_block_stop"}, {"index", index_}}, out);
  }
  void put(std::int64_t index, json::object delta, std::string& out) {
    json::object made{{"type", "content_block_delta"}, {"index", index}};
    made["delta"] = std::move(delta);
    write(made, out);
  }

  void end(std::string& out) {
    done_ = true;
    begin({}, out);
    close(out);
    json::object last{{"type", "message_delta"}, {"delta", {{"stop_reason", reason_}, {"stop_sequence", nullptr}}}};
    last["usage"] = usage_;
    write(last, out);
    write({{"type", "message_stop"}}, out);
  }
  void fail(const json::object& error, std::string& out) {
    done_ = true;
    write({{"type", "error"}, {"error", {{"type", "api_error"}, {"message", json_view(text_at(error, "message"))}}}}, out);
  }
  static void write(const json::object& made, std::string& out) {
    out += "event: ";
    out += text_at(made, "type");
    out += "\ndata: ";
    out += json::serialize(made);
    out += "\n\n";
  }

  std::string model_;
  bool begun_ = false;
  bool done_ = false;
  Block open_ = Block::None;
  std::int64_t index_ = -1;
  std::map<std::int64_t, std::int64_t> calls_;  // tool call → block
  std::string reason_ = "end_turn";
  json::object usage_{{"input_tokens", 0}, {"output_tokens", 0}};
};

}  // namespace

std::unique_ptr<StreamTranslation> openai_stream_of_anthropic(std::string_view model, bool wants_usage) {
  return std::make_unique<OpenAiEvents>(model, wants_usage);
}

std::unique_ptr<StreamTranslation> anthropic_stream_of_openai(std::string_view model) { return std::make_unique<AnthropicEvents>(model); }

}  // namespace swarm::gateway

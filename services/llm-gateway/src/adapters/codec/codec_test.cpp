#include <catch2/catch.hpp>

#include <random>

#include "adapters/codec/anthropic.hpp"
#include "adapters/codec/json_text.hpp"
#include "adapters/codec/openai.hpp"

namespace swarm::gateway {
namespace {

Result<RequestScan> scan(DialectCodec& codec, const std::string& body) {
  simdjson::padded_string text(body);
  auto got = codec.scan(std::string_view(text), simdjson::SIMDJSON_PADDING);
  return got;
}

std::string spliced(const std::string& body, const RequestScan& scan) {
  if (scan.insert_at == 0) return body;
  return body.substr(0, scan.insert_at) + std::string(scan.insert) + body.substr(scan.insert_at + scan.insert_over);
}

http::SseEvent event_of(std::string_view text) { return {"", text}; }

TEST_CASE("a chat request is scanned for what routing and budgets need", "[codec]") {
  OpenAiCodec codec(OpenAiSurface::Chat);
  const std::string body = R"({"messages":[{"role":"user","content":"hi"}], "model" : "small" ,"max_tokens":50,"n":3,"stream":true})";
  const auto got = scan(codec, body).value();
  REQUIRE(got.model == "small");
  REQUIRE(body.substr(got.model_at, got.model_length) == "\"small\"");
  REQUIRE(got.stream);
  REQUIRE(got.size.output_tokens_max == 50);
  REQUIRE(got.size.choices == 3);
  REQUIRE(got.size.text_bytes == body.size());
  REQUIRE_FALSE(got.wants_usage);
}

TEST_CASE("usage is asked for wherever the caller did not", "[codec]") {
  OpenAiCodec codec(OpenAiSurface::Chat);
  const auto check = [&](const std::string& options, const std::string& expected) {
    const std::string body = R"({"model":"m","stream":true)" + options + "}";
    REQUIRE(spliced(body, scan(codec, body).value()) == expected);
  };
  check("", R"({"stream_options":{"include_usage":true},"model":"m","stream":true})");
  check(R"(,"stream_options":{})", R"({"model":"m","stream":true,"stream_options":{"include_usage":true}})");
  check(R"(,"stream_options":{"x":1})", R"({"model":"m","stream":true,"stream_options":{"include_usage":true,"x":1}})");
  check(R"(,"stream_options":{"include_usage":false})", R"({"model":"m","stream":true,"stream_options":{"include_usage":true}})");
  check(R"(,"stream_options":{"include_usage":true})", R"({"model":"m","stream":true,"stream_options":{"include_usage":true}})");
  REQUIRE(scan(codec, R"({"model":"m"})").value().insert_at == 0);
}

TEST_CASE("images count flat and not by their bytes", "[codec]") {
  OpenAiCodec openai(OpenAiSurface::Chat, 1000);
  const std::string picture(5000, 'A');
  auto got = scan(openai, R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"what?"},
    {"type":"image_url","image_url":{"url":"data:image/png;base64,)" + picture + R"("}}]}]})").value();
  REQUIRE(got.size.flat_tokens == 1000);
  REQUIRE(got.size.text_bytes < 300);
  AnthropicCodec anthropic(1500);
  got = scan(anthropic, R"({"model":"m","max_tokens":10,"messages":[{"role":"user","content":[
    {"type":"image","source":{"type":"base64","media_type":"image/png","data":")" + picture + R"("}}]}]})").value();
  REQUIRE(got.size.flat_tokens == 1500);
  REQUIRE(got.size.text_bytes < 300);
}

TEST_CASE("a prompt that its provider completes is not bounded by its bytes", "[codec]") {
  OpenAiCodec chat(OpenAiSurface::Chat);
  OpenAiCodec responses(OpenAiSurface::Responses);
  AnthropicCodec messages;
  const auto bound = [](DialectCodec& codec, const std::string& fields) { return scan(codec, R"({"model":"m",)" + fields + "}").value().size.bound; };
  const auto part = [](const std::string& text) { return R"("messages":[{"role":"user","content":[)" + text + "]}]"; };
  for (const char* fields : {R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"web_search"}}}])", R"("tools":[])", R"("tools":null)",
                             R"("web_search_options":null)"}) {
    CHECK(bound(chat, fields) == PromptBound::Text);
  }
  CHECK(bound(chat, part(R"({"type":"file","file":{"file_data":"data:application/pdf;base64,AA"}})")) == PromptBound::Text);
  CHECK(bound(chat, part(R"({"type":"file","file":{"file_data":"","file_id":"f1"}})")) == PromptBound::Context);
  CHECK(bound(chat, R"("web_search_options":{})") == PromptBound::None);
  for (const char* fields : {R"("previous_response_id":null)", R"("tools":[{"type":"custom"},{"type":"local_shell"},{"type":"computer_use_preview"}])",
                             R"("input":[{"type":"message","content":[{"type":"input_file","file_data":"AA"}]}])"}) {
    CHECK(bound(responses, fields) == PromptBound::Text);
  }
  for (const char* fields : {R"("previous_response_id":"r1")", R"("conversation":{"id":"c1"})", R"("prompt":{"id":"p1"})", R"("input":[{"type":"item_reference","id":"i1"}])",
                             R"("input":[{"content":[{"type":"input_file","file_url":"https://x.example"}]}])"}) {
    CHECK(bound(responses, fields) == PromptBound::Context);
  }
  CHECK(bound(responses, R"("tools":[{"type":"function"},{"type":"web_search"}],"previous_response_id":"r1")") == PromptBound::None);
  CHECK(bound(messages, R"("tools":[{"name":"f","input_schema":{}},{"type":"bash_20250124","name":"bash"}],"mcp_servers":[])") == PromptBound::Text);
  CHECK(bound(messages, part(R"({"type":"document","source":{"type":"base64","data":"AA"}})")) == PromptBound::Text);
  CHECK(bound(messages, part(R"({"type":"document","source":{"type":"url","url":"https://x.example"}})")) == PromptBound::Context);
  CHECK(bound(messages, part(R"({"type":"container_upload","file_id":"f1"})")) == PromptBound::Context);
  CHECK(bound(messages, R"("mcp_servers":[{"type":"url","url":"https://x.example"}])") == PromptBound::None);
  CHECK(bound(messages, R"("tools":[{"type":"web_search_20250305","name":"web_search"}])") == PromptBound::None);
}

TEST_CASE("what a provider says about tools is in the ceiling and not in what is expected", "[codec]") {
  AnthropicCodec messages;
  const auto size = [&](const std::string& tools) { return scan(messages, R"({"model":"m","tools":)" + tools + "}").value().size; };
  REQUIRE(size("[]").unseen_tokens == 64);
  REQUIRE(size(R"([{"name":"f"},{"name":"g"}])").unseen_tokens == 664);
  REQUIRE(size(R"([{"name":"f"},{"type":"bash_20250124"}])").unseen_tokens == 1'664);
  REQUIRE(size(R"([{"name":"f"}])").flat_tokens == 0);
}

TEST_CASE("a body that is no JSON is refused, wherever it goes wrong", "[codec]") {
  OpenAiCodec codec(OpenAiSurface::Chat);
  const auto chat = [](const std::string& rest) { return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + rest; };
  for (const std::string& bad : std::vector<std::string>{chat(R"(,"x":nul})"), chat(R"(,"x":tru})"), chat(R"(,"x":1}})"), chat(R"(,"x":1}])"), chat(R"(,"x":[01]})"),
                                 chat(R"(,"x":{"a":1,}})"), chat(R"(,"x":[1,]})"), chat(R"(,"x":[1 2]})"), chat(R"(,"x":NaN})"),
                                 chat(R"(,"x":{"a" 1}})"), chat(R"(,"x":{1:1}})"), chat(R"(,"x":-})"), chat(R"(,"x":1.})"), chat(R"(,"x":1e})"),
                                 chat(R"(,"x":"open})"), chat(R"(,"x":[[1]})"), chat(""), chat(R"(} {"model":"other"})"), chat(R"(,})"),
                                 R"({"model":"m","messages":[nul]})", R"({"model":"m","messages":[{"role":"user" "content":"x"}]})",
                                 R"({"model":"m","messages":)" + std::string(2000, '[') + std::string(2000, ']') + "}"}) {
    INFO(bad);
    REQUIRE_FALSE(scan(codec, bad));
  }
  for (const std::string& good : std::vector<std::string>{chat(R"(,"x":null})"), chat(" , \"x\" : [ true , false , { } , [ ] ] } \n"), chat(R"(,"x":-0.5e+10})"),
                                  chat(R"(,"x":123456789012345678901234567890})"), chat(R"(,"x":1E400,"y":0,"z":-0})"), chat(R"(,"":""})"),
                                  chat(R"(,"x":")" + std::string(100'000, '{') + "\"}"),
                                  R"({"model":"m","messages":)" + std::string(900, '[') + std::string(900, ']') + "}"}) {
    INFO(good);
    REQUIRE(scan(codec, good));
  }
}

TEST_CASE("requests whose price could be read in two ways are refused", "[codec]") {
  OpenAiCodec codec(OpenAiSurface::Chat);
  for (const char* bad : {R"({"model":"cheap","model":"dear"})", R"({"model":"a","mod\u0065l":"b"})", R"({"messages":[]})",
                          R"({"model":7})", R"({"model":""})", R"({"model":"m","stream":"yes"})", R"({"model":"m","max_tokens":-1})",
                          R"({"model":"m","max_tokens":1e3})", R"({"model":"m","n":1,"n":9})", R"(["model"])", "", "{", "nonsense",
                          "{\"model\":\"\xff\"}", R"({"model":"m","stream":true,"stream_options":7})"}) {
    INFO(bad);
    const auto got = scan(codec, bad);
    REQUIRE_FALSE(got);
    REQUIRE(got.error().code == Code::InvalidArgument);
  }
  REQUIRE(scan(codec, R"({"model":"m","max_tokens":5,"max_completion_tokens":9})").value().size.output_tokens_max == 9);
}

TEST_CASE("OpenAI's usage becomes disjoint buckets", "[codec]") {
  OpenAiCodec chat(OpenAiSurface::Chat);
  const simdjson::padded_string body(std::string_view(
      R"({"choices":[{"message":{"content":"{\"usage\":{\"prompt_tokens\":9}}"}}],"usage":{"prompt_tokens":100,"completion_tokens":30,
      "prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":10}}})"));
  REQUIRE(*chat.usage(std::string_view(body), simdjson::SIMDJSON_PADDING) == Usage{60, 40, 0, 0, 20, 10, false});
  OpenAiCodec responses(OpenAiSurface::Responses);
  const simdjson::padded_string other(std::string_view(
      R"({"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":2},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":5}}})"));
  REQUIRE(*responses.usage(std::string_view(other), simdjson::SIMDJSON_PADDING) == Usage{5, 2, 0, 0, 0, 5, false});
  const simdjson::padded_string none(std::string_view(R"({"choices":[]})"));
  REQUIRE_FALSE(chat.usage(std::string_view(none), simdjson::SIMDJSON_PADDING));
}

TEST_CASE("every kind of token that is priced apart is told apart", "[codec]") {
  OpenAiCodec chat(OpenAiSurface::Chat);
  const auto usage = [&](std::string_view json) { return chat.usage(std::string_view(simdjson::padded_string(json)), simdjson::SIMDJSON_PADDING); };
  const auto all = usage(R"({"service_tier":"flex","usage":{"prompt_tokens":1000,"completion_tokens":500,
      "prompt_tokens_details":{"cached_tokens":200,"cache_write_tokens":100,"audio_tokens":50,"image_tokens":40},
      "completion_tokens_details":{"reasoning_tokens":100,"audio_tokens":30}}})");
  REQUIRE(all);
  CHECK(*all == Usage{610, 200, 100, 0, 370, 100, false, 50, 30, 40, true});
  const auto lying = usage(R"({"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":8}}})");
  REQUIRE(lying);
  CHECK(lying->input_total() == 10);
  CHECK_FALSE(usage(R"({"usage":{"prompt_tokens":-1,"completion_tokens":5}})"));
  CHECK_FALSE(usage(R"({"usage":{"prompt_tokens":0,"completion_tokens":0}})"));
  AnthropicCodec messages;
  const simdjson::padded_string batch(std::string_view(R"({"usage":{"input_tokens":1,"output_tokens":2,"service_tier":"batch"}})"));
  CHECK(messages.usage(std::string_view(batch), simdjson::SIMDJSON_PADDING)->batch);
}

TEST_CASE("a chat stream is metered event by event", "[codec]") {
  OpenAiCodec codec(OpenAiSurface::Chat);
  StreamMeter meter;
  codec.meter(event_of(R"({"choices":[{"delta":{"content":"hello"}}],"usage":null})"), meter);
  REQUIRE(meter.text_bytes == 5);
  REQUIRE_FALSE(meter.has_usage);
  codec.meter(event_of(R"({"choices":[{"delta":{"content":" \"usage\":{"}}]})"), meter);
  REQUIRE_FALSE(meter.has_usage);
  codec.meter(event_of(R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})"), meter);
  REQUIRE(meter.usage_only);
  REQUIRE(meter.usage.input == 3);
  StreamMeter other;
  codec.meter(event_of(R"({"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}})"), other);
  REQUIRE(other.has_usage);
  REQUIRE_FALSE(other.usage_only);
  codec.meter(event_of("[DONE]"), meter);
  REQUIRE(meter.finished);
}

TEST_CASE("an Anthropic stream's usage comes in two events", "[codec]") {
  AnthropicCodec codec;
  StreamMeter meter;
  codec.meter({"message_start", R"({"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":4,
    "cache_creation_input_tokens":6,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":5},"output_tokens":1}}})"}, meter);
  REQUIRE_FALSE(meter.has_usage);
  codec.meter({"content_block_delta", R"({"type":"content_block_delta","delta":{"type":"text_delta","text":"abc"}})"}, meter);
  REQUIRE(meter.text_bytes == 3);
  codec.meter({"message_delta", R"({"type":"message_delta","usage":{"output_tokens":20}})"}, meter);
  codec.meter({"message_stop", "{}"}, meter);
  REQUIRE(meter.finished);
  REQUIRE(meter.usage == Usage{10, 4, 1, 5, 20, 0, false});
}

TEST_CASE("errors speak the caller's dialect and stay valid JSON whatever they quote", "[codec]") {
  Problem problem;
  problem.kind = ProblemKind::Quota;
  problem.message = "budget \"global\" is dry\n\xff";
  REQUIRE(OpenAiCodec(OpenAiSurface::Chat).error_body(problem, "r") ==
          "{\"error\":{\"message\":\"budget \\\"global\\\" is dry\\u000a\xEF\xBF\xBD\",\"type\":\"insufficient_quota\",\"param\":null,"
          "\"code\":\"insufficient_quota\"}}");
  REQUIRE(AnthropicCodec().error_event(problem, "r").starts_with("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"billing_error\""));
}

TEST_CASE("mutated requests and events never crash the readers", "[codec][fuzz]") {
  std::mt19937 random(11);
  OpenAiCodec openai(OpenAiSurface::Chat);
  AnthropicCodec anthropic;
  const std::string seed = R"({"model":"m","stream":true,"stream_options":{"include_usage":false},"max_tokens":5,"messages":[
    {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}},{"type":"image","source":{"data":"y"}}]}],"usage":{"prompt_tokens":1}})";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (auto n = random() % 6; n-- > 0;) text[random() % text.size()] = static_cast<char>(random());
    if (random() % 4 == 0) text.resize(random() % text.size());
    if (const auto got = scan(openai, text)) REQUIRE(got.value().model_at + got.value().model_length <= text.size());
    (void)scan(anthropic, text);
    StreamMeter meter;
    openai.meter(event_of(std::string_view(text)), meter);
    anthropic.meter({"message_delta", std::string_view(text)}, meter);
  }
}

}  // namespace
}  // namespace swarm::gateway

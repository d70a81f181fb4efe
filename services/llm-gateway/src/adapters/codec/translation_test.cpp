// Exchanges of one dialect in the other's words: as the providers' documentation and servers write them.
#include "adapters/codec/translation.hpp"

#include <catch2/catch.hpp>

#include <random>

#include "adapters/codec/json_value.hpp"

namespace swarm::gateway {
namespace {

namespace json = boost::json;

/// Equal as JSON: the order of fields says nothing.
void require_same(const std::string& got, std::string_view wanted) {
  INFO(got);
  const auto parsed = parse_json(got);
  const auto expected = parse_json(wanted);
  REQUIRE(parsed);
  REQUIRE(expected);
  REQUIRE((*parsed == *expected));
}

std::string request(std::string_view body, Dialect from) {
  auto made = JsonTranslation().request(body, from, {"target", 700});
  if (!made) return "refused: " + made.error().message;
  return made.value();
}

TEST_CASE("a chat with tools, images and a system prompt becomes a message request", "[translation]") {
  require_same(request(R"({"model":"m","temperature":1.5,"stop":"END","user":"u1","parallel_tool_calls":false,"tool_choice":"required","seed":7,
    "messages":[
      {"role":"system","content":"Be brief."},
      {"role":"developer","content":[{"type":"text","text":"And kind."}]},
      {"role":"user","content":[{"type":"text","text":"What is this?"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}},{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}]},
      {"role":"assistant","content":null,"tool_calls":[
        {"id":"c1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}},
        {"id":"c2","type":"function","function":{"name":"look","arguments":""}}]},
      {"role":"tool","tool_call_id":"c1","content":"a cat"},
      {"role":"tool","tool_call_id":"c2","content":"a dog"},
      {"role":"user","content":"Well?"}],
    "tools":[{"type":"function","function":{"name":"look","description":"Looks.","parameters":{"type":"object","properties":{"at":{"type":"integer"}}}}}]})",
                       Dialect::OpenAi),
               R"({"model":"target","max_tokens":700,"temperature":1.0,"stop_sequences":["END"],"metadata":{"user_id":"u1"},
    "system":"Be brief.\n\nAnd kind.","tool_choice":{"type":"any","disable_parallel_tool_use":true},
    "messages":[
      {"role":"user","content":[{"type":"text","text":"What is this?"},
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}},{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}}]},
      {"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"look","input":{"at":1}},{"type":"tool_use","id":"c2","name":"look","input":{}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"a cat"}]},
        {"type":"tool_result","tool_use_id":"c2","content":[{"type":"text","text":"a dog"}]},{"type":"text","text":"Well?"}]}],
    "tools":[{"name":"look","description":"Looks.","input_schema":{"type":"object","properties":{"at":{"type":"integer"}}}}]})");
}

TEST_CASE("a message request with tools and images becomes a chat", "[translation]") {
  require_same(request(R"({"model":"m","max_tokens":50,"stream":true,"top_k":5,"stop_sequences":["END"],"thinking":{"type":"enabled","budget_tokens":2000},
    "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"tool_choice":{"type":"tool","name":"look"},
    "messages":[
      {"role":"user","content":[{"type":"text","text":"What?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"I look."},{"type":"tool_use","id":"c1","name":"look","input":{"at":1}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","is_error":true,"content":[{"type":"text","text":"dark"}]},{"type":"text","text":"Well?"}]}],
    "tools":[{"name":"look","input_schema":{"type":"object"}}]})",
                       Dialect::Anthropic),
               R"({"model":"target","max_completion_tokens":50,"stream":true,"stream_options":{"include_usage":true},"stop":["END"],
    "tool_choice":{"type":"function","function":{"name":"look"}},
    "messages":[
      {"role":"system","content":"Be brief."},
      {"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}}]},
      {"role":"assistant","content":"I look.","tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}}]},
      {"role":"tool","tool_call_id":"c1","content":"error: dark"},
      {"role":"user","content":"Well?"}],
    "tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]})");
}

TEST_CASE("what the other dialect has no words for is refused, not left out", "[translation]") {
  for (const char* bad : {R"({"messages":[],"n":2})", R"({"messages":[],"logprobs":true})", R"({"messages":"hi"})", R"({"messages":[7]})", "[]", "{",
                          R"({"messages":[{"role":"user","content":[{"type":"input_audio"}]}]})", R"({"messages":[{"role":"ghost","content":"x"}]})",
                          R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}]})",
                          R"({"messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{broken"}}]}]})",
                          R"({"messages":[],"tools":[{"type":"web_search"}]})"}) {
    INFO(bad);
    REQUIRE(request(bad, Dialect::OpenAi).starts_with("refused: "));
  }
  for (const char* bad : {R"({"messages":[{"role":"user","content":[{"type":"document"}]}]})", R"({"messages":[{"role":"system","content":"x"}]})",
                          R"({"messages":[],"tools":[{"type":"web_search_20250305","name":"web_search"}]})", R"({"messages":[{"role":"user","content":7}]})"}) {
    INFO(bad);
    REQUIRE(request(bad, Dialect::Anthropic).starts_with("refused: "));
  }
  const std::string deep = R"({"messages":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  REQUIRE(request(deep, Dialect::OpenAi).starts_with("refused: "));
}

TEST_CASE("answers keep their text, tool calls, reasons and usage in the other dialect", "[translation]") {
  JsonTranslation translation;
  require_same(translation.answer(R"({"id":"01X","type":"message","role":"assistant","model":"claude","stop_reason":"tool_use","content":[
      {"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"look","input":{"at":[1,2]}}],
      "usage":{"input_tokens":10,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":5}})", Dialect::Anthropic, "small").value(),
               R"({"id":"chatcmpl-01X","object":"chat.completion","created":0,"model":"small","choices":[{"index":0,"finish_reason":"tool_calls","logprobs":null,
      "message":{"role":"assistant","content":"I look.","reasoning_content":"hm","tool_calls":[{"id":"t1","type":"function","function":{"name":"look","arguments":"{\"at\":[1,2]}"}}]}}],
      "usage":{"prompt_tokens":16,"completion_tokens":5,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4}}})");
  require_same(translation.answer(R"({"id":"c9","object":"chat.completion","choices":[{"index":0,"finish_reason":"length","message":{"role":"assistant","content":null,
      "tool_calls":[{"id":"t1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}},{"id":"t2","type":"function","function":{"name":"look","arguments":"{cut"}}]}}],
      "usage":{"prompt_tokens":16,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":6}}})", Dialect::OpenAi, "small").value(),
               R"({"id":"msg_c9","type":"message","role":"assistant","model":"small","stop_reason":"max_tokens","stop_sequence":null,"content":[
      {"type":"tool_use","id":"t1","name":"look","input":{"at":1}},{"type":"tool_use","id":"t2","name":"look","input":{"arguments":"{cut"}}],
      "usage":{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":6,"cache_creation_input_tokens":0}})");
  for (const char* none : {"", "{}", "[]", R"({"choices":[]})", R"({"content":"text"})"}) {
    REQUIRE_FALSE(translation.answer(none, Dialect::OpenAi, "m"));
    REQUIRE_FALSE(translation.answer(none, Dialect::Anthropic, "m"));
  }
}

std::string streamed(Dialect from, const std::vector<std::string>& data, bool wants_usage = true) {
  JsonTranslation translation;
  const auto stream = translation.stream(from, "small", wants_usage);
  std::string out;
  for (const auto& one : data) stream->event({"", one}, out);
  stream->finish(out);
  return out;
}

const std::vector<std::string> kAnthropicTools = {
    R"({"type":"message_start","message":{"id":"01X","usage":{"input_tokens":10,"output_tokens":1}}})",
    R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})", R"({"type":"ping"})",
    R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"I look."}})", R"({"type":"content_block_stop","index":0})",
    R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"look","input":{}}})",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"at\":"}})",
    R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}})", R"({"type":"content_block_stop","index":1})",
    R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})", R"({"type":"message_stop"})"};

TEST_CASE("a stream with a tool call becomes chunks", "[translation]") {
  const std::string out = streamed(Dialect::Anthropic, kAnthropicTools);
  const std::string head = R"(data: {"id":"chatcmpl-01X","object":"chat.completion.chunk","created":0,"model":"small","choices":[)";
  const std::string tail = R"(,"finish_reason":null}]})" "\n\n";
  REQUIRE(out == head + R"({"index":0,"delta":{"role":"assistant","content":""})" + tail + head + R"({"index":0,"delta":{"content":"I look."})" + tail + head +
                     R"({"index":0,"delta":{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"look","arguments":""}}]})" + tail + head +
                     R"({"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"at\":"}}]})" + tail + head +
                     R"({"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]})" + tail + head +
                     R"({"index":0,"delta":{},"finish_reason":"tool_calls"}]})" "\n\n" + head +
                     R"(],"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":0}}})" "\n\ndata: [DONE]\n\n");
  REQUIRE(streamed(Dialect::Anthropic, kAnthropicTools, false).find("\"usage\"") == std::string::npos);
}

TEST_CASE("chunks with a tool call become a message's events", "[translation]") {
  const std::string out = streamed(Dialect::OpenAi, {
      R"({"id":"c9","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})", R"({"id":"c9","choices":[{"index":0,"delta":{"content":"I look."}}]})",
      R"({"id":"c9","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"look","arguments":""}}]}}]})",
      R"({"id":"c9","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"at\":1}"}}]}}]})",
      R"({"id":"c9","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})", R"({"id":"c9","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":9}})", "[DONE]"});
  std::string wanted;
  for (const char* data : {R"({"type":"message_start","message":{"id":"msg_c9","type":"message","role":"assistant","model":"small","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}})",
                           R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
                           R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"I look."}})", R"({"type":"content_block_stop","index":0})",
                           R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"look","input":{}}})",
                           R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"at\":1}"}})", R"({"type":"content_block_stop","index":1})",
                           R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"output_tokens":9,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}})",
                           R"({"type":"message_stop"})"}) {
    const std::string text(data);
    wanted += "event: " + text.substr(9, text.find('"', 9) - 9) + "\ndata: " + text + "\n\n";
  }
  REQUIRE(out == wanted);
}

TEST_CASE("an error within a stream is told in the other dialect and ends it", "[translation]") {
  const std::string openai = streamed(Dialect::Anthropic, {R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})", R"({"type":"message_stop"})"});
  REQUIRE(openai == "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":\"overloaded\"}}\n\n");
  const std::string anthropic = streamed(Dialect::OpenAi, {R"({"error":{"message":"broken"}})", "[DONE]"});
  REQUIRE(anthropic == "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"broken\"}}\n\n");
}

TEST_CASE("mutated requests, answers and events never crash the translation", "[translation][fuzz]") {
  std::mt19937 random(23);
  JsonTranslation translation;
  const std::vector<std::string> seeds = {
      R"({"model":"m","stream":true,"tools":[{"function":{"name":"f","parameters":{}}}],"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a;base64,b"}}]},
          {"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"x"}],"usage":{"prompt_tokens":-5}})",
      R"({"id":"1","content":[{"type":"tool_use","input":{"a":1}},{"type":"text","text":"x"}],"usage":{"input_tokens":1e30},"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{"}}]}}]})",
      kAnthropicTools[0], kAnthropicTools[5], kAnthropicTools[6],
      R"({"id":"c9","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t1","function":{"name":"f","arguments":"x"}}]}}]})"};
  const auto to_openai = translation.stream(Dialect::Anthropic, "m", true);
  const auto to_anthropic = translation.stream(Dialect::OpenAi, "m", true);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    for (auto n = random() % 5; n-- > 0;) text[random() % text.size()] = static_cast<char>(random());
    if (random() % 8 == 0) text.resize(random() % text.size());
    for (const Dialect dialect : {Dialect::OpenAi, Dialect::Anthropic}) {
      if (const auto made = translation.request(text, dialect, {"m", 0})) REQUIRE(parse_json(made.value()));
      if (const auto made = translation.answer(text, dialect, "m")) REQUIRE(parse_json(made.value()));
    }
    (void)translation.error_message(text);
    std::string out;
    to_openai->event({"", text}, out);
    to_anthropic->event({"", text}, out);
    REQUIRE(out.size() < 20'000);
  }
}

}  // namespace
}  // namespace swarm::gateway

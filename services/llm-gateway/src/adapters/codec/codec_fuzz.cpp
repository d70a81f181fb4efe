// The readers of both dialects: whatever comes as a request, an answer or an event, they say something or refuse it.
#include <memory>

#include "adapters/codec/anthropic.hpp"
#include "adapters/codec/openai.hpp"
#include "adapters/codec/translation.hpp"
#include "libs/testing/fuzz.hpp"

namespace {

using namespace swarm;
using namespace swarm::gateway;

constexpr std::size_t kPadding = 64;
constexpr std::uint64_t kImageTokens = 2'000;

std::vector<std::unique_ptr<DialectCodec>>& codecs() {
  static auto all = [] {
    std::vector<std::unique_ptr<DialectCodec>> made;
    for (const auto surface : {OpenAiSurface::Chat, OpenAiSurface::Completions, OpenAiSurface::Embeddings, OpenAiSurface::Responses}) {
      made.push_back(std::make_unique<OpenAiCodec>(surface, kImageTokens));
    }
    made.push_back(std::make_unique<AnthropicCodec>(kImageTokens));
    return made;
  }();
  return all;
}

void check_request(DialectCodec& codec, const std::string& padded, std::size_t size) {
  const std::string_view body = std::string_view(padded).substr(0, size);
  const auto scan = codec.scan(body, kPadding);
  if (!scan) return;
  const RequestScan& found = scan.value();
  SWARM_CHECK(found.model_at + found.model_length <= size, "the model's name stands in the body");
  SWARM_CHECK(found.insert_at + found.insert_over <= size, "the place of a splice is in the body");
  SWARM_CHECK(found.size.text_bytes <= size, "a prompt is no longer than its body");
}

void check_answer(DialectCodec& codec, const std::string& padded, std::size_t size) {
  static_cast<void>(codec.usage(std::string_view(padded).substr(0, size), kPadding));
  StreamMeter meter;
  std::string scratch;
  std::string_view rest = std::string_view(padded).substr(0, size);
  while (const std::size_t length = http::sse_event_length(rest)) {
    codec.meter(http::parse_sse_event(rest.substr(0, length), scratch), meter);
    rest.remove_prefix(length);
  }
  SWARM_CHECK(meter.text_bytes <= 4 * size, "no more text than bytes");
}

void check_translation(std::string_view text) {
  JsonTranslation translation;
  std::string scratch;
  for (const auto dialect : {Dialect::OpenAi, Dialect::Anthropic}) {
    static_cast<void>(translation.request(text, dialect, {"model", 100}));
    static_cast<void>(translation.answer(text, dialect, "model"));
    const auto stream = translation.stream(dialect, "model", true);
    std::string out;
    std::string_view rest = text;
    while (const std::size_t length = http::sse_event_length(rest)) {
      stream->event(http::parse_sse_event(rest.substr(0, length), scratch), out);
      rest.remove_prefix(length);
    }
    stream->finish(out);
    while (const std::size_t length = http::sse_event_length(out)) out.erase(0, length);
    SWARM_CHECK(out.empty(), "a translated stream is whole events");
  }
  static_cast<void>(translation.error_message(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string padded(reinterpret_cast<const char*>(data), size);
  padded.append(kPadding, '\0');
  for (const auto& codec : codecs()) {
    check_request(*codec, padded, size);
    check_answer(*codec, padded, size);
  }
  check_translation(std::string_view(padded).substr(0, size));
  return 0;
}

std::vector<std::string> swarm::testing::fuzz_seeds() {
  return {
      R"({"model":"m","stream":true,"stream_options":{"include_usage":false},"max_tokens":5,"n":2,"temperature":0,"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]})",
      R"({"model":"m","max_tokens":9,"system":"s","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"add","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"3"}]}],"tools":[{"name":"add","input_schema":{"type":"object"}}]})",
      R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":1}},"service_tier":"flex"})",
      R"({"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":2},"service_tier":"batch"}})",
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"}}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
      "event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n"};
}

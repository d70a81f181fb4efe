#include "adapters/guard/event_guard.hpp"

#include <catch2/catch.hpp>

#include "adapters/codec/json_text.hpp"
#include "adapters/guard/json_texts.hpp"

namespace swarm::gateway {
namespace {

const std::string kPem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\nabcdef==\n-----END EC PRIVATE KEY-----";

GuardOptions options(GuardAction action) {
  GuardOptions made;
  made.name = "test";
  made.rules = built_in_rules(RuleFamily::Secrets, action);
  for (auto& rule : built_in_rules(RuleFamily::PersonalData, action)) made.rules.push_back(std::move(rule));
  return made;
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// An event of a chat with a piece of its text.
std::string chat(std::string_view text, int choice = 0) {
  return "data: {\"choices\":[{\"index\":" + std::to_string(choice) + ",\"delta\":{\"content\":" + json(text) + "},\"finish_reason\":null}]}\n\n";
}

/// The text that events make, and how many they are. Every one must be whole, with JSON in it.
std::string text_of(std::string_view events, std::string_view key = "content", std::size_t* count = nullptr) {
  std::string text;
  std::string scratch;
  while (!events.empty()) {
    const std::size_t length = http::sse_event_length(events);
    REQUIRE(length > 0);
    const auto event = http::parse_sse_event(events.substr(0, length), scratch);
    if (event.data != "[DONE]" && !event.data.empty()) {
      CHECK(event.data.front() == '{');
      CHECK(event.data.back() == '}');
      for_each_value(event.data, [&](const JsonValue& value) {
        if (value.is_text && value.key == key) append_unescaped(text, value.token);
      });
    }
    if (count != nullptr) ++*count;
    events.remove_prefix(length);
  }
  return text;
}

}  // namespace

TEST_CASE("a secret is masked wherever a stream is split in it", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Mask), registry);
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"My key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789 and that is it, use it with care.",
       "My key is [REDACTED:llm_key] and that is it, use it with care."},
      {"Write to jane@example.org or +49 30 1234567, card 4111 1111 1111 1111, thanks a lot for it.",
       "Write to [REDACTED:email] or [REDACTED:phone], card [REDACTED:card], thanks a lot for it."},
      {"Caf\u00e9 \"quoted\"\n" + kPem + "\nend \U0001F600", "Caf\u00e9 \"quoted\"\n[REDACTED:private_key]\nend \U0001F600"},
      {"jane@example.org", "[REDACTED:email]"},
  };
  for (const auto& [text, expected] : texts) {
    for (std::size_t split = 0; split <= text.size(); ++split) {
      if (split < text.size() && (static_cast<unsigned char>(text[split]) & 0xC0) == 0x80) continue;
      CAPTURE(text, split);
      EventGuard stream(guard);
      std::string out;
      REQUIRE(stream.pass(chat(text.substr(0, split)), out));
      REQUIRE(stream.pass(chat(text.substr(split)), out));
      REQUIRE(stream.pass("data: [DONE]\n\n", out));
      REQUIRE(stream.finish(out));
      std::size_t events = 0;
      REQUIRE(text_of(out, "content", &events) == expected);
      REQUIRE(events == 3);
      REQUIRE(out.ends_with("data: [DONE]\n\n"));
    }
    // Byte for byte, each in an event of its own.
    EventGuard stream(guard);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t next = at + 1;
      while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
      REQUIRE(stream.pass(chat(text.substr(at, next - at)), out));
      at = next;
    }
    REQUIRE(stream.finish(out));
    CHECK(text_of(out) == expected);
  }
}

TEST_CASE("a stream without finds goes on byte for byte, and soon", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Mask), registry);
  EventGuard stream(guard);
  std::string in;
  std::string out;
  for (int i = 0; i < 200; ++i) {
    const std::string event = chat("word \\u" + std::to_string(i) + " ");
    in += event;
    REQUIRE(stream.pass(event, out));
    CHECK(in.size() - out.size() < 2'000);
  }
  REQUIRE(stream.pass(": ping\n\n", out));
  REQUIRE(stream.pass("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", out));
  CHECK(text_of(out).size() == text_of(in).size());
  CHECK(out.starts_with(in));
  CHECK(stream.findings().empty());
}

TEST_CASE("texts of several blocks and choices are told apart", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Mask), registry);
  EventGuard stream(guard);
  std::string out;
  const std::string secret = "ghp_" + std::string(40, 'z');
  REQUIRE(stream.pass(chat("take " + secret.substr(0, 10), 0), out));
  REQUIRE(stream.pass(chat("nothing here", 1), out));
  REQUIRE(stream.pass(chat(secret.substr(10) + " now", 0), out));
  REQUIRE(stream.finish(out));
  CHECK(out.find("zzzzzz") == std::string::npos);
  CHECK(text_of(out) == "take [REDACTED:github_token]nothing here now");
}

TEST_CASE("a message's blocks end their texts, a ping does not", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Mask), registry);
  const auto delta = [](std::string_view text) {
    return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":" + json(text) + "}}\n\n";
  };
  EventGuard stream(guard);
  std::string out;
  REQUIRE(stream.pass(delta("mail jane@exam"), out));
  REQUIRE(stream.pass("event: ping\ndata: {\"type\":\"ping\"}\n\n", out));
  CHECK(out.find("jane") == std::string::npos);
  REQUIRE(stream.pass(delta("ple.org"), out));
  REQUIRE(stream.pass("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n", out));
  CHECK(text_of(out, "text") == "mail [REDACTED:email]");
  CHECK(out.ends_with("\"content_block_stop\",\"index\":0}\n\n"));
}

TEST_CASE("a rule that refuses ends the stream before the secret", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Refuse), registry);
  EventGuard stream(guard);
  std::string out;
  REQUIRE(stream.pass(chat("the number is 123-45-"), out));
  const bool passed = stream.pass(chat("6789. Anything else that I can do for you today, or shall we go on with the work?"), out) && stream.finish(out);
  CHECK_FALSE(passed);
  CHECK(out.find("123") == std::string::npos);
  CHECK(refused_by(stream.findings()) == "us_ssn");
}

TEST_CASE("a rule that reports changes nothing and counts once", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Report), registry);
  EventGuard stream(guard);
  std::string in;
  std::string out;
  for (const char* piece : {"a ja", "ne@example.org b", " and then a good deal of other text that follows it, on and on", ", really"}) {
    in += chat(piece);
    REQUIRE(stream.pass(chat(piece), out));
  }
  REQUIRE(stream.finish(out));
  CHECK(out == in);
  REQUIRE(stream.findings().size() == 1);
  CHECK(stream.findings()[0].count == 1);
  CHECK(registry.serialize().find(R"(swarm_gateway_guard_findings_total{action="report",direction="answer",guard="test",rule="email"} 1)") != std::string::npos);
}

TEST_CASE("a text without end is held back within a bound", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Mask), registry);
  EventGuard stream(guard);
  std::string in;
  std::string out;
  const std::string run(200, 'x');
  for (int i = 0; i < 2'000; ++i) {
    in += chat(run);
    REQUIRE(stream.pass(chat(run), out));
    REQUIRE(in.size() - out.size() < 300 * 1024);
  }
  REQUIRE(stream.finish(out));
  CHECK(text_of(out).size() == 2'000 * run.size());
}

TEST_CASE("a document keeps its bytes but for what is masked", "[guard]") {
  metrics::Registry registry;
  const TextGuard guard(options(GuardAction::Mask), registry);
  std::string masked;
  const std::string plain = R"({ "model" : "m", "messages":[{"role":"user","content":"nothing \u0041 here"}], "n": 1.0 })";
  CHECK(guard.check(GuardDirection::Request, plain, masked).empty());
  CHECK(masked.empty());
  const std::string body = R"({ "a" : "x" , "content":"mail jane\u0040example.org \"now\"", "n":4111111111111111, "data:image":"data:image/png;base64,AAAA" })";
  const auto found = guard.check(GuardDirection::Request, body, masked);
  CHECK(masked == R"({ "a" : "x" , "content":"mail [REDACTED:email] \"now\"", "n":"[REDACTED:card]", "data:image":"data:image/png;base64,AAAA" })");
  CHECK(found.size() == 2);
  CHECK(guard.check(GuardDirection::Request, "no JSON jane@example.org", masked).empty());
}

}  // namespace swarm::gateway

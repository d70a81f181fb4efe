#include "libs/http/sse.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace swarm::http {
namespace {

TEST_CASE("an event ends at its empty line, whatever ends its lines", "[sse]") {
  REQUIRE(sse_event_length("data: a\n\ndata: b\n\n") == 9);
  REQUIRE(sse_event_length("data: a\r\n\r\nx") == 11);
  REQUIRE(sse_event_length("data: a\r\rx") == 9);
  REQUIRE(sse_event_length("data: a\n") == 0);
  REQUIRE(sse_event_length("data: a\r\n\r") == 0);  // may become CRLF
  REQUIRE(sse_event_length("") == 0);
  REQUIRE(sse_event_length("\n") == 1);
}

TEST_CASE("an event's fields are read", "[sse]") {
  std::string scratch;
  auto event = parse_sse_event("event: ping\ndata: {\"a\":1}\nid: 3\n\n", scratch);
  REQUIRE(event.event == "ping");
  REQUIRE(event.data == "{\"a\":1}");
  event = parse_sse_event("data:one\r\ndata: two\r\ndata\r\n\r\n", scratch);
  REQUIRE(event.data == "one\ntwo\n");
  event = parse_sse_event(": comment\n\n", scratch);
  REQUIRE(event.data.empty());
  REQUIRE(parse_sse_event("data: [DONE]\n\n", scratch).data == "[DONE]");
}

TEST_CASE("cutting a stream anywhere never splits an event", "[sse]") {
  const std::string stream = "data: a\n\nevent: b\r\ndata: c\r\n\r\ndata: d\n\n";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    std::string pending;
    int events = 0;
    for (const auto& part : {stream.substr(0, cut), stream.substr(cut)}) {
      pending += part;
      while (const std::size_t n = sse_event_length(pending)) {
        ++events;
        pending.erase(0, n);
      }
    }
    REQUIRE(events == 3);
    REQUIRE(pending.empty());
  }
}

TEST_CASE("no bytes make the reader claim more than it was given, or stand still", "[sse][fuzz]") {
  std::mt19937 random(7);
  const std::string alphabet = "data: event:id\n\r\r\n\n{}\xff\xef\xbb\xbf\0x";
  std::string scratch;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 60; n-- > 0;) text += random() % 10 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    std::string_view rest = text;
    while (const std::size_t length = sse_event_length(rest)) {
      REQUIRE(length <= rest.size());
      const SseEvent event = parse_sse_event(rest.substr(0, length), scratch);
      REQUIRE(event.event.size() + event.data.size() <= length);
      rest.remove_prefix(length);
    }
  }
}

}  // namespace
}  // namespace swarm::http

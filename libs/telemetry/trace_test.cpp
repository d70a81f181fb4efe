#include "libs/telemetry/trace.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace swarm::trace;

namespace {
const std::string kHeader = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
}

TEST_CASE("a traceparent is read and written back", "[trace]") {
  const auto c = parse(kHeader);
  REQUIRE(c);
  CHECK(c->trace_id_text() == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(c->sampled);
  CHECK(c->traceparent() == kHeader);
  const Context child = c->child();
  CHECK(child.trace_id == c->trace_id);
  CHECK(child.span_id != c->span_id);
  CHECK(parse("cc" + kHeader.substr(2) + "-what-the-future-brings"));
}

TEST_CASE("a malformed traceparent begins a new trace", "[trace]") {
  for (const std::string& bad :
       {std::string(), kHeader.substr(1), kHeader + "-x", "ff" + kHeader.substr(2), "cc" + kHeader.substr(2) + "x",
        std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        std::string("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x")}) {
    CHECK(!parse(bad));
    CHECK(continue_or_start(bad).valid());
  }
  CHECK(continue_or_start(kHeader).trace_id_text() == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(start().trace_id != start().trace_id);
}

TEST_CASE("scopes nest", "[trace]") {
  CHECK(current() == nullptr);
  {
    const Scope outer(start());
    const auto id = current()->trace_id;
    {
      const Scope inner(start());
      CHECK(current()->trace_id != id);
    }
    CHECK(current()->trace_id == id);
  }
  CHECK(current() == nullptr);
}

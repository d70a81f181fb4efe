#include "libs/knowledge/vocabulary.hpp"

#include <catch2/catch.hpp>

using namespace swarm;
using namespace swarm::knowledge;

TEST_CASE("any stack name makes an IRI that a store can take", "[knowledge]") {
  CHECK(stack_iri("react") == "http://swarm.os/stack/react");
  CHECK(stack_iri("c++ / qt") == "http://swarm.os/stack/c%2B%2B%20%2F%20qt");
  CHECK(agent_iri("Köln") == "http://swarm.os/agent/K%C3%B6ln");
  for (const auto* name : {"", " ", "a<b>", "\"", "\n", "\xff", "{}|\\^`"}) CHECK(check_iri(stack_iri(name)));
}

TEST_CASE("what would destroy the knowledge store is refused", "[knowledge]") {
  CHECK(check_iri("http://swarm.os/x"));
  CHECK(check_iri("urn:uuid:1"));
  CHECK(check_iri("http://swarm.os/Köln"));
  for (const auto* bad : {"", "react", "/a/b", ":x", "1a:b", "http://a b", "http://a\nb", "http://a>b", "http://\xff"}) {
    INFO(bad);
    CHECK(check_iri(bad).error().code == Code::InvalidArgument);
  }
  CHECK_FALSE(check_iri("http://a/" + std::string(2000, 'x')));
}

TEST_CASE("texts are UTF-8 without NUL", "[knowledge]") {
  CHECK(check_text(""));
  CHECK(check_text("never use \"any\"\nin React — ever"));
  CHECK_FALSE(check_text("\xc3\x28"));
  CHECK_FALSE(check_text(std::string_view("a\0b", 3)));
  CHECK_FALSE(check_text(std::string((1 << 20) + 1, 'x')));
}

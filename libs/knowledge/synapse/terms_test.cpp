#include "libs/knowledge/synapse/terms.hpp"

#include <catch2/catch.hpp>

namespace swarm::knowledge::synapse {

TEST_CASE("terms of answers lose their brackets, quotes and escapes", "[synapse]") {
  using Kind = Term::Kind;
  CHECK(parse_term("<http://e/a>").value() == Term{Kind::Iri, "http://e/a", "", ""});
  CHECK(parse_term("<http://synapse.os/bare word>").value().value == "http://synapse.os/bare word");
  CHECK(parse_term("\"plain\"").value() == Term{Kind::Text, "plain", "", ""});
  CHECK(parse_term(R"("a \"b\" \\ c\nd\te\r\b\f")").value().value == "a \"b\" \\ c\nd\te\r\b\f");
  CHECK(parse_term(R"("nul\u0000in")").value().value == std::string("nul\0in", 6));
  CHECK(parse_term(R"("\U0001F600 \u00e9")").value().value == "😀 é");
  CHECK(parse_term("\"4\"^^<http://www.w3.org/2001/XMLSchema#integer>").value().datatype ==
        "http://www.w3.org/2001/XMLSchema#integer");
  CHECK(parse_term("\"x\"@en").value().language == "en");
  CHECK(parse_term("_:b1").value() == Term{Kind::Blank, "b1", "", ""});
  for (const auto* bad : {"", "x", "\"open", "\"a\"b", "\"a\\", "\"\\q\"", "\"\\u12\"", "\"\\uD800\"", "\"a\"^^", "\"a\"@",
                          "\"\\U00110000\"", "<open", "\"\\u123"}) {
    CHECK(parse_term(bad).error().code == Code::DataLoss);
  }
}

TEST_CASE("rows keep what is bound, under names without question marks", "[synapse]") {
  const auto rows = parse_rows(R"([{"?a":"\"1\"","?b":"<http://e/x>"},{}])").value();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("a").value == "1");
  CHECK(rows[0].at("b").kind == Term::Kind::Iri);
  CHECK(rows[1].empty());
  CHECK(parse_rows("[]").value().empty());
  for (const auto* bad : {"", "{}", "[1]", "[{\"?x\": 1}]", "[{\"?x\": \"\\\"unfinished", "null", "[{\"?x\":\"no term\"}]"}) {
    CHECK(parse_rows(bad).error().code == Code::DataLoss);
  }
}

TEST_CASE("only IRIs that the server can read again are sent", "[synapse]") {
  for (const auto* good : {"http://swarm.os/stack/python", "https://a.example:8080/x?y=1#z", "urn:uuid:1", "http://e/%20",
                           "http://e", "http://e/é/😀", "http://localhost:1/"}) {
    CHECK(check_stored_iri(good));
  }
  for (const auto* bad : {"", "x", "http", "httpfoo", "http:", "http://", "http:///x", "http://a b", "http://e/%2", "http://e/%zz",
                          "http://[::1]/", "http://e/[", "http://e:port/", "http://e/a#b#c", "mailto:a@b", "urn:", "urn:x",
                          "urn:x:", "http://e/\xEE\x80\x80", "http://u@e/", "http://e/\"x\"", "http://e/<", "http://e/\\u0020",
                          "http://e/\xEF\xBF\xBF", "HTTP://e/"}) {
    INFO(bad);
    CHECK(check_stored_iri(bad).error().code == Code::InvalidArgument);
  }
}

}  // namespace swarm::knowledge::synapse

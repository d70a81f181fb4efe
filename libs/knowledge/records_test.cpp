#include "libs/knowledge/records.hpp"

#include <catch2/catch.hpp>

#include "libs/knowledge/vocabulary.hpp"

namespace swarm::knowledge {

TEST_CASE("amounts keep every nano-dollar and never become exponents", "[knowledge]") {
  CHECK(dollars_text(0) == "0");
  CHECK(dollars_text(1) == "0.000000001");
  CHECK(dollars_text(1'250'000'000) == "1.25");
  CHECK(dollars_text(-30'000'000'000) == "-30");
  CHECK(dollars_text(INT64_MIN) == "-9223372036.854775808");
  for (const std::int64_t amount : {0L, 1L, -1L, 999'999'999L, 1'000'000'001L, -123'456'789'012L, INT64_MAX}) {
    CHECK(nanodollars_of(dollars_text(amount)).value() == amount);
  }
  CHECK(nanodollars_of("16.750001").value() == 16'750'001'000);
  CHECK(nanodollars_of(".5").value() == 500'000'000);
  CHECK(nanodollars_of("1.0000000019").value() == 1'000'000'001);
  for (const auto* bad : {"", ".", "-", "1e-3", " 4", "4 ", "x", "1.2.3", "1,5", "9223372037", "+1", "0x1"}) {
    CHECK_FALSE(nanodollars_of(bad));
  }
}

TEST_CASE("a note's message is its first element, however often it was encoded", "[knowledge]") {
  CHECK(message_of_note("Error: KeyError") == "Error: KeyError");
  CHECK(message_of_note(R"(["Error: KeyError", "later"])") == "Error: KeyError");
  CHECK(message_of_note(R"("[\"Error: KeyError\", \"later\"]")") == "Error: KeyError");
  CHECK(message_of_note(R"(["[\"deep\"]"])") == "deep");
  CHECK(message_of_note("[]").empty());
  CHECK(message_of_note("[3, 4]") == "3");
  CHECK(message_of_note("404") == "404");
  CHECK(message_of_note("{\"a\": 1}") == "{\"a\": 1}");
  CHECK(message_of_note("[broken") == "[broken");
  CHECK(message_of_note(R"([["deep"]])") == "deep");
  CHECK(message_of_note(R"("plain")") == "plain");
  CHECK(message_of_note("\"[\"a\\nb\"]\"") == "a\nb");  // as the store quotes it: without any escaping
  CHECK(message_of_note(R"([{"message": "inside"}])") == "inside");
  CHECK(message_of_note(R"({"error_log": "inside"})") == "inside");
  CHECK(message_of_note(R"([{"a": 1}])") == R"({"a":1})");
  CHECK(message_of_note("[12:00:01] not json") == "[12:00:01] not json");
  CHECK(message_of_note("\"") == "\"");
  CHECK(message_of_note(std::string(100'000, '[')) == std::string(100'000, '['));
  CHECK(message_of_note("").empty());
}

TEST_CASE("records of the same event are the same statements", "[knowledge]") {
  const WallTime at{std::chrono::milliseconds(1'795'219'205'123)};
  CHECK(spend_statements("g/1", "2026-11-21", 5) == spend_statements("g/1", "2026-11-21", 5));
  CHECK(spend_statements("a b/<c>", "2026-11-21", 5)[0].subject == "http://swarm.os/ontology/spend/a%20b/%3Cc%3E");
  Execution run{"t1", 2, "Coder-1", "Coder", "FeatureImplementation", "python", false, "Error: \"x\"\n", at};
  CHECK(execution_statements(run) == execution_statements(run));
  REQUIRE(check_statements(execution_statements(run)));
  CHECK(execution_statements(run).back() ==
        Statement{"http://swarm.os/ontology/execution/t1/2", std::string(kHistoryNote), run.note, true});
  run.success = true;
  for (const auto& s : execution_statements(run)) CHECK(s.predicate != kHistoryNote);
  CHECK(rule_statements("react", "Coder", "r")[0].subject == "http://swarm.os/stack/react");
  CHECK(rule_statements("", "Coder", "r")[0].subject == "http://swarm.os/stack/Coder");
  CHECK(iso_time(at) == "2026-11-21T00:00:05.123Z");
  CHECK(control_statements("1", true, at)[1].object == "HALTED");
}

TEST_CASE("any bytes become a text that a store can keep", "[knowledge]") {
  CHECK(storable_text("é😀 plain") == "é😀 plain");
  CHECK(storable_text(std::string("a\0b\xff\xc3", 5)) == "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(storable_text("aé", 2) == "a");
  CHECK(storable_text("abc", 2) == "ab");
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  CHECK(check_text(storable_text(bytes)));
}

TEST_CASE("percent encodings come back as they went", "[knowledge]") {
  for (const auto* text : {"", "Coder", "a b/c#d", "%", "%4", "%zz", "é😀", "100%25"}) {
    CHECK(percent_decode(percent_encode(text)) == text);
    CHECK(name_of_iri(role_iri(text)) == text);
  }
  CHECK(percent_decode("%zz%4") == "%zz%4");
  CHECK(name_of_iri("http://x/ontology#Coder") == "Coder");
}

}  // namespace swarm::knowledge

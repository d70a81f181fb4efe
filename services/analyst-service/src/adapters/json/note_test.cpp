#include "adapters/json/note.hpp"

#include <catch2/catch.hpp>

using swarm::analyst::adapters::message_of_note;

TEST_CASE("the message is found below any number of layers", "[note]") {
  const auto [note, message] = GENERATE(table<std::string, std::string>({
      {"KeyError: 'x'", "KeyError: 'x'"},
      {R"(["KeyError: 'x'", "more"])", "KeyError: 'x'"},
      {R"("plain")", "plain"},
      {R"("[\"a\\nb\"]")", "a\nb"},
      {R"("["a\nb"]")", "a\nb"},
      {R"([["deep"]])", R"([["deep"]])"},
      {R"([{"message": "inside"}])", "inside"},
      {R"({"error_log": "inside"})", "inside"},
      {"[12:00:01] not json", "[12:00:01] not json"},
      {"[]", "[]"},
      {"", ""},
      {"\"", "\""},
  }));
  CHECK(message_of_note(note) == message);
}

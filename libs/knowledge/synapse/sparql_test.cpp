#include "libs/knowledge/synapse/sparql.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace swarm::knowledge::synapse::sparql {
namespace {

/// What servers do that resolve \u escapes before they parse: no regard for what stands before the back-slash.
std::string resolve_code_points_first(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 5 < text.size() && text[i + 1] == 'u') {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 2, 4)), nullptr, 16));
      i += 5;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The text of a quoted literal by the SPARQL grammar; "(broken)" when it ends before the end or is not closed.
std::string read_literal(std::string_view literal) {
  std::string out;
  if (!literal.starts_with('"')) return "(broken)";
  for (std::size_t i = 1; i < literal.size(); ++i) {
    if (literal[i] == '"') return i + 1 == literal.size() ? out : "(broken)";
    if (literal[i] == '\n' || literal[i] == '\r') return "(broken)";
    if (literal[i] != '\\') {
      out += literal[i];
      continue;
    }
    constexpr std::string_view letters = "tbnrf\"'\\";
    constexpr std::string_view meanings = "\t\b\n\r\f\"'\\";
    const char next = ++i < literal.size() ? literal[i] : '\0';
    if (next == 'u' && i + 4 < literal.size()) {
      out += static_cast<char>(std::stoi(std::string(literal.substr(i + 1, 4)), nullptr, 16));
      i += 4;
    } else if (const auto which = letters.find(next); which != letters.npos) {
      out += meanings[which];
    } else {
      return "(broken)";
    }
  }
  return "(broken)";
}

}  // namespace

TEST_CASE("quoted text means exactly the text, whichever way a server reads escapes", "[synapse]") {
  std::vector<std::string> texts = {"", "\"", "\\", "\\\\", "\\u0022", "\\\\u0022", "\\u005C", "\\U00000022", "\\u005C\"", "'''", "\"\"\"",
                                    "\" . ?s ?p ?o } #", "\\\" } ; DROP ALL #", "\n\r\t", "a\\nb", "{}<>|^`?$@", "é😀", "\\uZZZZ", "\\"
                                    "u"};
  constexpr std::string_view alphabet = "\"\\uU0025cC{}.;#\n\r ab'<>";
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto n = random() % 16; n > 0; --n) text += alphabet[random() % alphabet.size()];
    texts.push_back(std::move(text));
  }
  for (const auto& text : texts) {
    const auto quoted = quote_text(text).value();
    INFO(quoted);
    CHECK(read_literal(quoted) == text);
    CHECK(read_literal(resolve_code_points_first(quoted)) == text);
  }
  CHECK_FALSE(quote_text(std::string("a\0b", 3)));
  CHECK_FALSE(quote_text("\xff"));
}

TEST_CASE("an IRI that could end early is refused", "[synapse]") {
  for (const auto* iri : {"http://e/> ?p ?o } #", "http://e/ x", "http://e/\n", "http://e/\\u003e", "x", "http://e/{", "http://e/\""}) {
    CHECK(quote_iri(iri).error().code == Code::InvalidArgument);
    CHECK(objects_of(iri, "http://e/p", {0, 1}).error().code == Code::InvalidArgument);
    CHECK(statements_with(iri, {0, 1}).error().code == Code::InvalidArgument);
    CHECK(holds({"http://e/s", "http://e/p", iri, false}).error().code == Code::InvalidArgument);
  }
}

TEST_CASE("the swarm's own patterns are asked word for word", "[synapse]") {
  CHECK(rules_of_stack("react").value().text().find("<http://swarm.os/stack/react> nist:HardConstraint ?rule") != std::string::npos);
  CHECK(lessons_of_stack("python", 10).value().text().find("swarm:hasStack \"python\"") != std::string::npos);
  CHECK(spent_on("2026-11-21").value().text().find("SUM(COALESCE(xsd:decimal(?a), 0))") != std::string::npos);
}

}  // namespace swarm::knowledge::synapse::sparql

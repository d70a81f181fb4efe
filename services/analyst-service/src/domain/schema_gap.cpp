#include "domain/schema_gap.hpp"

#include <algorithm>
#include <vector>

#include "domain/rule_check.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

constexpr std::string_view kOntology = "http://swarm.os/ontology/";
constexpr std::size_t kTermMax = 80;
constexpr std::size_t kCauseShown = 200;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

bool speaks_of_a_schema(std::string_view line) {
  const auto text = lower(line);
  for (const std::string_view sign : {"ontology", "rdf:type", "rdfs:", "owl:", "shacl", "unknown class", "undefined class", "unknown property", "undeclared property",
                                      "unknown predicate", "undefined predicate", "domain violation", "range violation", "not in the vocabulary"})
    if (contains(text, sign)) return true;
  return false;
}

bool is_term(std::string_view text) {
  return !text.empty() && text.size() <= kTermMax && is_letter(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 128 && is_word(c) && c != '$') || c == '-';
  });
}

// What stands in quotes or angle brackets: `Shipment`, 'app:weighs', <http://swarm.os/ontology/Shipment>. The last part counts.
std::vector<std::string> terms(std::string_view line) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < line.size() && found.size() < kProposedTermsMax; ++at) {
    const char open = line[at];
    const char close = open == '<' ? '>' : open;
    if (open != '\'' && open != '"' && open != '`' && open != '<') continue;
    const std::size_t end = line.find(close, at + 1);
    if (end == std::string_view::npos) continue;
    const auto content = line.substr(at + 1, end - at - 1);
    const auto term = content.substr(content.find_last_of("/#:") + 1);
    if (!is_term(term)) continue;
    if (std::find(found.begin(), found.end(), term) == found.end()) found.emplace_back(term);
    at = end;
  }
  return found;
}

}  // namespace

std::string schema_proposal(const KindText& kind, std::int64_t tasks) {
  if (!speaks_of_a_schema(kind.sample)) return {};
  const auto missing = terms(kind.sample);
  if (missing.empty()) return {};
  std::string out = "# A proposal: it holds only once a person has loaded it.\n# " + std::to_string(tasks) + " tasks failed with: " +
                    printable(kind.cause, kCauseShown) + "\n@prefix owl: <http://www.w3.org/2002/07/owl#> .\n@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n";
  for (const auto& term : missing) {
    const bool named_class = term.front() >= 'A' && term.front() <= 'Z';
    const auto block = "\n<" + std::string(kOntology) + term + "> a " + (named_class ? "owl:Class" : "owl:DatatypeProperty") + " ;\n    rdfs:label \"" + term +
                       "\" ;\n    rdfs:comment \"proposed from failures of kind " + text(kind.kind) + "\" .\n";
    if (out.size() + block.size() > kProposalMax) break;
    out += block;
  }
  return out;
}

}  // namespace swarm::analyst::domain

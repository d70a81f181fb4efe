#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/knowledge/knowledge.hpp"

namespace swarm::knowledge::synapse {

/// One value of an answer.
struct Term {
  enum class Kind { Iri, Text, Blank };
  Kind kind = Kind::Text;
  std::string value;     // without brackets, quotes and escapes
  std::string datatype;  // IRI of a typed literal, empty for a plain text
  std::string language;  // of a text like "x"@en

  friend bool operator==(const Term&, const Term&) = default;
};

/// One row of an answer: variable (without its question mark) → value. What is unbound is not in it.
using Row = std::map<std::string, Term, std::less<>>;

/// InvalidArgument unless the server keeps this IRI as it is and can read it again after a restart. Stricter than
/// check_iri: http, https and urn only (the server puts a prefix of its own before anything else), well-formed host and
/// port, complete percent-encodings, no private characters. The server looks at nothing, and one bad IRI costs it a
/// whole namespace.
Result<void> check_stored_iri(std::string_view iri);

/// check_statements, and check_stored_iri for every IRI among them.
Result<void> check_stored_statements(const std::vector<Statement>& statements);

/// The object of a triple on the wire: an IRI as it is, a text between quotes without any escaping.
std::string wire_object(const Statement& statement);

/// A value in N-Triples form. DataLoss when it is none.
Result<Term> parse_term(std::string_view text);

/// The JSON of an answer: an array of objects, whose keys carry question marks. DataLoss when it is something else.
Result<std::vector<Row>> parse_rows(std::string_view json);

}  // namespace swarm::knowledge::synapse

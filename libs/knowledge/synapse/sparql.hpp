#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libs/base/result.hpp"
#include "libs/knowledge/knowledge.hpp"

namespace swarm::knowledge::synapse {

/// A query that only the functions below can make, so that no text from outside ever is one.
class Query {
 public:
  const std::string& text() const { return text_; }

 private:
  friend struct QueryBuilder;
  explicit Query(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A part of an ordered answer.
struct Page {
  std::size_t offset = 0;
  std::size_t limit = 0;
};

/// Every query that we ask. All take outside text as values: IRIs are checked (InvalidArgument), texts are quoted.
/// All are SELECTs, as the server answers every other form with nothing.
namespace sparql {

/// ?o of (subject, predicate, ?o), ordered.
Result<Query> objects_of(std::string_view subject, std::string_view predicate, Page page);
/// ?s and ?o of (?s, predicate, ?o), ordered by ?s, ?o.
Result<Query> statements_with(std::string_view predicate, Page page);
/// ?y, one row, when the statement is there.
Result<Query> holds(const Statement& statement);
/// ?e ?agent ?role ?note ?stack of failures without a mark, ordered by ?e, those after `after`.
Result<Query> unconsolidated(std::string_view after, std::size_t limit);
/// ?rule: the golden rules of a stack.
Result<Query> rules_of_stack(std::string_view stack);
/// ?note: the notes of runs in a stack that are not consolidated yet.
Result<Query> lessons_of_stack(std::string_view stack, std::size_t limit);
/// ?total of a day; amounts that are no decimals count as nothing.
Result<Query> spent_on(std::string_view date);
/// ?amount ?at of the newest limit event of a scope.
Result<Query> limit_of(std::string_view scope);
/// ?status ?at of the newest status event.
Query control_state();

/// `<iri>`. InvalidArgument when the server could not keep it.
Result<std::string> quote_iri(std::string_view iri);
/// `"text"`: means exactly the text, to servers that resolve \u escapes before they parse as well as to others.
/// InvalidArgument for what is no text.
Result<std::string> quote_text(std::string_view text);

}  // namespace sparql
}  // namespace swarm::knowledge::synapse

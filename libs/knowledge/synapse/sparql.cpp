#include "libs/knowledge/synapse/sparql.hpp"

#include "libs/knowledge/synapse/terms.hpp"
#include "libs/knowledge/vocabulary.hpp"

namespace swarm::knowledge::synapse {

struct QueryBuilder {
  static Query make(std::string text) { return Query(std::move(text)); }
};

namespace sparql {
namespace {

constexpr std::string_view kPrefixes =
    "PREFIX swarm: <http://swarm.os/ontology/> PREFIX nist: <http://nist.gov/caisi/> "
    "PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> PREFIX prov: <http://www.w3.org/ns/prov#> "
    "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> ";

Query query(const std::string& text) { return QueryBuilder::make(std::string(kPrefixes) + text); }

std::string window(Page page) {
  return " LIMIT " + std::to_string(page.limit) + " OFFSET " + std::to_string(page.offset);
}

}  // namespace

Result<std::string> quote_iri(std::string_view iri) {
  BOOST_OUTCOME_TRY(check_stored_iri(iri));
  return '<' + std::string(iri) + '>';
}

Result<std::string> quote_text(std::string_view text) {
  BOOST_OUTCOME_TRY(check_text(text));
  std::string out = "\"";
  out.reserve(text.size() + 16);
  bool after_backslash = false;
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      // Where \u escapes are resolved before parsing, `\\u0022` would become a quote: the letter goes as an escape itself.
      case 'u': out += after_backslash ? "\\u0075" : "u"; break;
      case 'U': out += after_backslash ? "\\u0055" : "U"; break;
      default: out += c;
    }
    after_backslash = c == '\\';
  }
  out += '"';
  return out;
}

Result<Query> objects_of(std::string_view subject, std::string_view predicate, Page page) {
  BOOST_OUTCOME_TRY(const auto s, quote_iri(subject));
  BOOST_OUTCOME_TRY(const auto p, quote_iri(predicate));
  return query("SELECT ?o WHERE { " + s + ' ' + p + " ?o } ORDER BY ?o" + window(page));
}

Result<Query> statements_with(std::string_view predicate, Page page) {
  BOOST_OUTCOME_TRY(const auto p, quote_iri(predicate));
  return query("SELECT ?s ?o WHERE { ?s " + p + " ?o } ORDER BY ?s ?o" + window(page));
}

Result<Query> holds(const Statement& statement) {
  BOOST_OUTCOME_TRY(const auto s, quote_iri(statement.subject));
  BOOST_OUTCOME_TRY(const auto p, quote_iri(statement.predicate));
  BOOST_OUTCOME_TRY(const auto o, statement.object_is_text ? quote_text(statement.object) : quote_iri(statement.object));
  return query("SELECT (1 AS ?y) WHERE { " + s + ' ' + p + ' ' + o + " } LIMIT 1");
}

Result<Query> unconsolidated(std::string_view after, std::size_t limit) {
  BOOST_OUTCOME_TRY(const auto last, quote_text(after));
  return query(
      "SELECT ?e ?agent ?role ?note ?stack WHERE { ?e rdf:type swarm:ExecutionRecord ; nist:resultState \"on_failure\" ; "
      "prov:wasAssociatedWith ?agent ; skos:historyNote ?note . OPTIONAL { ?e swarm:hasStack ?stack } "
      "?agent rdf:type ?role . FILTER NOT EXISTS { ?e swarm:isConsolidated \"true\" }" +
      (after.empty() ? std::string() : " FILTER(STR(?e) > " + last + ")") +
      " } ORDER BY ?e ?role ?note LIMIT " + std::to_string(limit));
}

Result<Query> rules_of_stack(std::string_view stack) {
  BOOST_OUTCOME_TRY(const auto subject, quote_iri(stack_iri(stack)));
  return query("SELECT ?rule WHERE { " + subject + " nist:HardConstraint ?rule }");
}

Result<Query> lessons_of_stack(std::string_view stack, std::size_t limit) {
  BOOST_OUTCOME_TRY(const auto name, quote_text(stack));
  return query("SELECT ?note WHERE { ?e swarm:hasStack " + name +
               " ; skos:historyNote ?note . FILTER NOT EXISTS { ?e swarm:isConsolidated \"true\" } } ORDER BY ?e LIMIT " +
               std::to_string(limit));
}

Result<Query> spent_on(std::string_view date) {
  BOOST_OUTCOME_TRY(const auto day, quote_text(date));
  return query("SELECT (SUM(COALESCE(xsd:decimal(?a), 0)) AS ?total) WHERE { ?e a swarm:SpendEvent ; swarm:date " + day +
               " ; swarm:amount ?a }");
}

Result<Query> limit_of(std::string_view scope) {
  BOOST_OUTCOME_TRY(const auto name, quote_text(scope));
  return query("SELECT ?amount ?at WHERE { ?e a swarm:LimitEvent ; swarm:scope " + name +
               " ; swarm:amount ?amount ; prov:generatedAtTime ?at } ORDER BY DESC(?at) LIMIT 1");
}

Query control_state() {
  return query(
      "SELECT ?status ?at WHERE { ?e nist:newStatus ?status ; prov:generatedAtTime ?at } ORDER BY DESC(?at) ?status LIMIT 1");
}

}  // namespace sparql
}  // namespace swarm::knowledge::synapse

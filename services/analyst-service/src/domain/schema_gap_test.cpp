#include "domain/schema_gap.hpp"

#include <catch2/catch.hpp>

using namespace swarm::analyst::domain;

namespace {

KindText kind(const std::string& sample) { return {Digest().add("k").id(), "Coder", "python", Family::Python, "masked cause", sample, ""}; }

}  // namespace

TEST_CASE("a repeated ontology error proposes the terms that are missing", "[schema]") {
  const auto ttl = schema_proposal(kind("OntologyError: unknown class 'Shipment' with property <http://swarm.os/ontology/weighs>"), 5);
  CHECK(ttl.find("<http://swarm.os/ontology/Shipment> a owl:Class ;") != std::string::npos);
  CHECK(ttl.find("<http://swarm.os/ontology/weighs> a owl:DatatypeProperty ;") != std::string::npos);
  CHECK(ttl.find("# 5 tasks failed with: masked cause\n") != std::string::npos);
  CHECK(schema_proposal(kind("KeyError: 'Shipment'"), 5).empty());
  CHECK(schema_proposal(kind("unknown class in the ontology"), 5).empty());
}

TEST_CASE("a proposal is bounded, and a log cannot write statements into it", "[schema]") {
  auto poisoned = kind("ontology: 'a> . <x> <y' \"b\\\" . <s\" 'Good' " + std::string(100, 'x'));
  poisoned.cause = "line\n<s> <p> <o> .\n";
  const auto ttl = schema_proposal(poisoned, 5);
  CHECK(ttl.find("\n<s>") == std::string::npos);
  CHECK(ttl.find("Good> a owl:Class") != std::string::npos);
  std::string many = "ontology:";
  for (char c = 'a'; c <= 'z'; ++c) many += " '" + std::string(79, c) + "'";
  CHECK(schema_proposal(kind(many), 5).size() <= kProposalMax);
}

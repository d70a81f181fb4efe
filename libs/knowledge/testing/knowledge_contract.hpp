#pragma once

#include <catch2/catch.hpp>

#include "libs/knowledge/knowledge.hpp"
#include "libs/knowledge/vocabulary.hpp"

namespace swarm::knowledge::testing {

inline Statement rule(std::string_view stack, std::string text) {
  return {stack_iri(stack), std::string(kHardConstraint), std::move(text), true};
}

/// What every adapter of the port promises. Call it in a TEST_CASE with an adapter on an empty store.
inline void check_knowledge_contract(Knowledge& knowledge) {
  const auto react = stack_iri("react");
  const std::vector<Statement> rules = {rule("react", "b: never use any"), rule("react", "a: \"quoted\"\nsecond line \\ é"),
                                        rule("python", "c")};
  const Statement permission{agent_iri("Coder"), std::string(kHasPermission), "http://swarm.os/permission/write", false};

  // Nothing is known yet, and that is no error.
  CHECK(knowledge.about(react, kHardConstraint).value().empty());
  CHECK(knowledge.all(kHardConstraint, 10).value().empty());

  REQUIRE(knowledge.add(rules));
  REQUIRE(knowledge.add({permission}));
  CHECK(knowledge.about(react, kHardConstraint).value() == std::vector{rules[1], rules[0]});
  CHECK(knowledge.about(permission.subject, kHasPermission).value() == std::vector{permission});
  CHECK(knowledge.about(react, kHasPermission).value().empty());

  // The same again changes nothing, also together with something new.
  REQUIRE(knowledge.add(rules));
  REQUIRE(knowledge.add({rules[2], rule("go", "d")}));
  CHECK(knowledge.all(kHardConstraint, 10).value() == std::vector{rule("go", "d"), rules[2], rules[1], rules[0]});
  CHECK(knowledge.all(kHardConstraint, 2).value() == std::vector{rule("go", "d"), rules[2]});
  CHECK(knowledge.all(kHardConstraint, 0).value().empty());

  // One bad statement: nothing of the batch is stored.
  const Statement bad{"http://a b", std::string(kHardConstraint), "x", true};
  CHECK(knowledge.add({rule("rust", "e"), bad}).error().code == Code::InvalidArgument);
  CHECK(knowledge.about(stack_iri("rust"), kHardConstraint).value().empty());
  CHECK(knowledge.add({{react, "no scheme", "x", true}}).error().code == Code::InvalidArgument);
  CHECK(knowledge.add({{react, std::string(kHasPermission), "not an iri", false}}).error().code == Code::InvalidArgument);
  CHECK(knowledge.add({rule("rust", "\xff")}).error().code == Code::InvalidArgument);
  CHECK(knowledge.about("http://a b", kHardConstraint).error().code == Code::InvalidArgument);
  CHECK(knowledge.all("no scheme", 1).error().code == Code::InvalidArgument);

  // A text and an IRI that look the same are two statements.
  const Statement text{react, std::string(kRequiresPermission), "http://x/y", true};
  const Statement iri{react, std::string(kRequiresPermission), "http://x/y", false};
  REQUIRE(knowledge.add({text, iri}));
  CHECK(knowledge.about(react, kRequiresPermission).value() == std::vector{iri, text});
}

}  // namespace swarm::knowledge::testing

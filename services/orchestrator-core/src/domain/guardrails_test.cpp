#include "domain/guardrails.hpp"

#include <catch2/catch.hpp>

using namespace swarm::orchestrator;

namespace {

Policy policy(const char* id) {
  Policy out;
  out.id = id;
  out.control = "AC-6";
  return out;
}

std::shared_ptr<const TaskTerms> budget(std::int64_t nanos) {
  TaskTerms out;
  out.budget_nanos = nanos;
  return std::make_shared<TaskTerms>(out);
}

std::string why(const Guardrails& rails, TaskSpec spec, std::string_view text = "") {
  const auto denial = rails.check(spec, text);
  return denial ? denial->text() : "";
}

}  // namespace

TEST_CASE("a task outside a policy is denied with the policy and its control", "[guardrails]") {
  Policy p = policy("stacks");
  p.stacks = {"python"};
  p.tools = {"git"};
  p.hosts = {"example.org", "*.example.net"};
  const Guardrails rails({p}, {});
  TaskSpec spec;
  CHECK(why(rails, spec).empty());
  spec.stack = "rust";
  CHECK(why(rails, spec) == "policy stacks (NIST AC-6): the stack 'rust' is not allowed");
  spec.stack = "python";
  spec.capabilities = {"docker", "git"};
  CHECK(why(rails, spec) == "policy stacks (NIST AC-6): the tool 'docker' is not allowed");
  spec.capabilities.clear();
  CHECK(why(rails, spec, "see https://evil.test/x").find("'evil.test'") != std::string::npos);
  CHECK(why(rails, spec, "see https://EXAMPLE.org:8443/x and http://a.example.net").empty());
}

TEST_CASE("a policy of one tenant leaves others alone", "[guardrails]") {
  Policy p = policy("red");
  p.tenant = "red";
  p.stacks = {"python"};
  const Guardrails rails({p}, {});
  TaskSpec spec;
  spec.stack = "rust";
  CHECK(why(rails, spec).empty());
  spec.tenant = "red";
  CHECK_FALSE(why(rails, spec).empty());
}

TEST_CASE("the most that a task may spend is a bound and a default", "[guardrails]") {
  Policy p = policy("spend");
  p.budget_nanos_max = 100;
  const Guardrails rails({p}, {});
  TaskSpec spec;
  CHECK_FALSE(rails.check(spec, ""));
  REQUIRE(spec.terms);
  CHECK(spec.terms->budget_nanos == 100);
  spec.terms = budget(101);
  CHECK(rails.check(spec, ""));
  spec.terms = budget(50);
  CHECK_FALSE(rails.check(spec, ""));
  CHECK(spec.terms->budget_nanos == 50);
}

TEST_CASE("forbidden texts and foreign hosts are found in artefacts, however they are dressed", "[guardrails]") {
  Policy p = policy("leaks");
  p.forbidden = {"BEGIN RSA PRIVATE KEY"};
  p.hosts = {"example.org"};
  const Guardrails rails({p}, {});
  CHECK_FALSE(rails.check_artifact("fine, see http://example.org"));
  CHECK(rails.check_artifact("x\n-----BEGIN RSA PRIVATE KEY-----"));
  CHECK(rails.check_artifact("http://example.org@evil.test/"));
  CHECK(rails.check_artifact("http://example.org.evil.test"));
  CHECK(rails.check_artifact("ftp://[::1]/x"));
  CHECK(rails.check_artifact("http://user:pw@10.0.0.1"));
  CHECK_FALSE(rails.check_artifact("://"));
  CHECK_FALSE(rails.check_artifact(std::string(100'000, ':')));
}

TEST_CASE("grants go by name or by the beginning of a name, and add up", "[guardrails]") {
  const Guardrails rails({}, {{"coder-*", {"write", "read"}}, {"coder-7", {"deploy"}}, {"*", {"read"}}});
  CHECK(rails.granted("coder-7") == std::vector<std::string>{"deploy", "read", "write"});
  CHECK(rails.granted("x") == std::vector<std::string>{"read"});
  CHECK(Guardrails({}, {{"a", {"p"}}}).granted("ab").empty());
}

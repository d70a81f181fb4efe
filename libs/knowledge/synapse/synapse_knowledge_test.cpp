#include "libs/knowledge/synapse/synapse_knowledge.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

#include "libs/knowledge/testing/knowledge_contract.hpp"
#include "libs/knowledge/testing/synapse_process.hpp"
#include "libs/knowledge/vocabulary.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"

namespace swarm::knowledge::synapse {
namespace {

using knowledge::testing::SynapseProcess;
constexpr WallTime kTime{std::chrono::milliseconds(1'795'219'205'123)};

/// A client on a stand-in of its own. `process` is null where there is no Python for it; the test then ends at once.
struct Stage {
  explicit Stage(std::string tokens = "{}") : process(SynapseProcess::start(dir.path() / "storage", std::move(tokens))) {
    if (process) options.address = process->address();
  }
  Client& client() {
    if (!made) made = std::make_unique<Client>(options, clock, registry);
    return *made;
  }

  swarm::testing::TempDir dir;
  std::unique_ptr<SynapseProcess> process;
  Options options;
  SystemClock clock;
  metrics::Registry registry;
  std::unique_ptr<Client> made;
};

std::vector<Statement> failure(int n, std::string note, const char* stack = "python") {
  char id[32];
  std::snprintf(id, sizeof id, "http://exec/%05d", n);
  const std::string agent = "http://agent/" + std::to_string(n % 7);
  return {{id, std::string(kType), std::string(kExecutionRecord), false},
          {id, std::string(kResultState), "on_failure", true},
          {id, std::string(kAssociatedWith), agent, false},
          {id, std::string(kHistoryNote), std::move(note), true},
          {id, std::string(kHasStack), stack, true},
          {agent, std::string(kType), "http://role/Coder", false}};
}

}  // namespace

TEST_CASE("the Synapse adapter keeps the port's contract", "[synapse][process][grpc]") {
  Stage stage;
  if (!stage.process) return;
  SynapseKnowledge knowledge(stage.client(), 2);  // pages of two rows, so that answers take several
  knowledge::testing::check_knowledge_contract(knowledge);
}

TEST_CASE("hostile text comes back as it went, and asks for nothing but itself", "[synapse][process][grpc]") {
  Stage stage;
  if (!stage.process) return;
  SynapseKnowledge knowledge(stage.client());
  std::vector<std::string> texts = {"", "\"", "\\", "\\u0022", "\\\\u0022", "\\u005C", "\" . ?s ?p ?o } #", "'''\"\"\"", "a\nb\r\tc", "\x01\x7f",
                                    "\xE2\x80\xA8", "<http://e>", "\"x\"@en", "{}<>|^`?$@", "é😀", "\" UNION { ?a ?b ?c }", "-- DROP ALL"};
  constexpr std::string_view alphabet = "\"\\uU0025cC{}.;#\n\r ab'<>";
  std::mt19937 random(11);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (auto n = 1 + random() % 20; n > 0; --n) text += alphabet[random() % alphabet.size()];
    texts.push_back(std::move(text));
  }
  std::vector<Statement> all;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    all.push_back({stack_iri(texts[i]), std::string(kHardConstraint), texts[i] + "!", true});
  }
  REQUIRE(knowledge.add(all));
  for (const auto& statement : all) {
    INFO(statement.object);
    CHECK(knowledge.about(statement.subject, kHardConstraint).value() == std::vector{statement});
    CHECK(knowledge.holds(statement).value());
    auto other = statement;
    other.object += "x";
    CHECK_FALSE(knowledge.holds(other).value());
  }
  // The server reads every IRI again.
  stage.process->interrupt();
  stage.process->run();
  CHECK(knowledge.all(kHardConstraint, 10'000).value().size() == std::set(all.begin(), all.end()).size());
}

TEST_CASE("failures come in pages, once each, without those that are marked", "[synapse][process][grpc]") {
  Stage stage;
  if (!stage.process) return;
  SynapseKnowledge knowledge(stage.client(), 4);
  std::vector<Statement> all;
  for (int n = 0; n < 25; ++n) {
    const auto rows = failure(n, n == 3 ? R"(["Error: KeyError", "later"])" : "Error: \"x\"\nline " + std::to_string(n));
    all.insert(all.end(), rows.begin(), rows.end());
  }
  all.push_back({"http://agent/1", std::string(kType), "http://www.w3.org/ns/prov#Agent", false});
  all.push_back({"http://agent/2", std::string(kType), "http://aaa/Other", false});
  REQUIRE(knowledge.add(all));
  REQUIRE(knowledge.add({consolidation_mark("http://exec/00005")}));

  std::vector<FailureRecord> found;
  for (std::string after;;) {
    const auto part = knowledge.unconsolidated(after, 10).value();
    found.insert(found.end(), part.begin(), part.end());
    if (part.size() < 10) break;
    after = part.back().execution;
  }
  REQUIRE(found.size() == 24);
  CHECK(found[0] == FailureRecord{"http://exec/00000", "http://agent/0", "Coder", "Error: \"x\"\nline 0", "python"});
  CHECK(found[1].role == "Coder");
  CHECK(message_of_note(found[3].note) == "Error: KeyError");
  CHECK(found[5].execution == "http://exec/00006");
  CHECK(knowledge.lessons_of_stack("python", 100).value().size() == 24);
  CHECK(knowledge.lessons_of_stack("react", 100).value().empty());
}

TEST_CASE("spend is summed exactly, whatever stands among the amounts", "[synapse][process][grpc]") {
  Stage stage;
  if (!stage.process) return;
  SynapseKnowledge knowledge(stage.client());
  CHECK(knowledge.spent_on("2026-11-21").value() == 0);
  std::vector<Statement> all;
  for (int n = 0; n < 100; ++n) {
    const auto rows = spend_statements("g/" + std::to_string(n), "2026-11-21", 1);
    all.insert(all.end(), rows.begin(), rows.end());
  }
  for (const auto* odd : {"1e-3", " 4", "x", "0.1234567890123456789", ""}) {
    const auto event = "http://e/odd/" + percent_encode(odd);
    all.push_back({event, std::string(kType), std::string(kSpendEvent), false});
    all.push_back({event, std::string(kDate), "2026-11-21", true});
    all.push_back({event, std::string(kAmount), odd, true});
  }
  const auto other_day = spend_statements("g/x", "2026-11-22", 5'000'000'000);
  all.insert(all.end(), other_day.begin(), other_day.end());
  REQUIRE(knowledge.add(all));
  CHECK(knowledge.spent_on("2026-11-21").value() == 100);
  CHECK(knowledge.spent_on("2026-11-22").value() == 5'000'000'000);

  CHECK_FALSE(knowledge.limit_of("global").value());
  REQUIRE(knowledge.add(limit_statements("1", "global", {10'000'000'000, false}, kTime)));
  REQUIRE(knowledge.add(limit_statements("2", "global", {20'000'000'000, false}, kTime + std::chrono::seconds(1))));
  CHECK(knowledge.limit_of("global").value() == SpendLimit{20'000'000'000, false});
  REQUIRE(knowledge.add(limit_statements("3", "global", {0, true}, kTime + std::chrono::seconds(2))));
  CHECK(knowledge.limit_of("global").value() == SpendLimit{0, true});
}

TEST_CASE("the newest status event decides; of two at once, the halt", "[synapse][process][grpc]") {
  Stage stage;
  if (!stage.process) return;
  SynapseKnowledge knowledge(stage.client());
  CHECK_FALSE(knowledge.control_state().value());
  REQUIRE(knowledge.add(control_statements("1", true, kTime)));
  CHECK(knowledge.control_state().value()->halted);
  REQUIRE(knowledge.add(control_statements("2", false, kTime + std::chrono::seconds(1))));
  CHECK_FALSE(knowledge.control_state().value()->halted);
  REQUIRE(knowledge.add(control_statements("3", true, kTime + std::chrono::seconds(1))));
  CHECK(knowledge.control_state().value()->halted);
}

TEST_CASE("a batch larger than the server takes goes in parts", "[synapse][process][grpc]") {
  Stage stage;
  if (!stage.process) return;
  SynapseKnowledge knowledge(stage.client(), 3);
  std::vector<Statement> all;
  for (int n = 0; n < 12; ++n) {
    all.push_back({stack_iri("big"), std::string(kHardConstraint), std::to_string(n) + std::string(1'000'000, 'x'), true});
  }
  REQUIRE(knowledge.add(all));
  CHECK(knowledge.about(stack_iri("big"), kHardConstraint).value().size() == 12);
}

TEST_CASE("tokens and namespaces come from the configuration", "[synapse][process][grpc]") {
  Stage stage(R"({"right": ["team"]})");
  if (!stage.process) return;
  stage.options.name_space = "team";
  stage.options.token = Secret("right");
  SynapseKnowledge good(stage.client());
  REQUIRE(good.add(rule_statements("python", "", "r")));
  CHECK(good.rules_of_stack("python").value() == std::vector<std::string>{"r"});

  auto options = stage.options;
  options.token = Secret("wrong");
  Client refused(options, stage.clock, stage.registry);
  SynapseKnowledge bad(refused);
  CHECK(bad.rules_of_stack("python").error().code == Code::PermissionDenied);
  CHECK(refused.trouble() == "PERMISSION_DENIED: Invalid token");
}

TEST_CASE("a store that is away, slow or talks nonsense is an error in time, then left alone", "[synapse][process][grpc]") {
  Stage stage;
  if (!stage.process) return;
  stage.options.query_timeout = std::chrono::milliseconds(400);
  stage.options.breaker.failures_to_open = 3;
  stage.options.breaker.open_for = std::chrono::milliseconds(50);
  stage.options.breaker.open_for_max = std::chrono::milliseconds(100);
  SynapseKnowledge knowledge(stage.client());
  stage.process->fault(R"({"kind": "garbage", "count": 1})");
  CHECK(knowledge.rules_of_stack("x").error().code == Code::DataLoss);
  stage.process->fault(R"({"kind": "slow", "seconds": 10, "count": 1})");
  CHECK(knowledge.rules_of_stack("x").error().code == Code::DeadlineExceeded);
  CHECK(knowledge.nearest("x", 3).error().code == Code::DeadlineExceeded);  // the slow query goes on
  stage.process->kill();
  for (int i = 0; i < 10 && stage.client().breaker_state() != CircuitBreaker::State::Open; ++i) (void)knowledge.rules_of_stack("x");
  CHECK(stage.client().breaker_state() == CircuitBreaker::State::Open);
  CHECK(knowledge.rules_of_stack("x").error().code == Code::Unavailable);
  stage.process->run();
  CHECK(swarm::testing::eventually([&] { return knowledge.rules_of_stack("x").has_value(); }));
  CHECK(stage.client().trouble().empty());
}

}  // namespace swarm::knowledge::synapse

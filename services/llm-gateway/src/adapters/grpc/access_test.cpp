#include "adapters/grpc/access.hpp"

#include <catch2/catch.hpp>

#include "libs/testing/access.hpp"
#include "protos/compat/orchestrator_legacy.pb.h"
#include "protos/compat/orchestrator_v1.pb.h"
#include "protos/knowledge_journal.pb.h"
#include "protos/llm_gateway.pb.h"

using namespace swarm;

TEST_CASE("every RPC that the gateway serves stands in its access table, and nothing else", "[access]") {
  const auto table = gateway::access_table();
  // Names messages of each file, so that their descriptors are linked in.
  testing::check_access(table, {::llm_gateway::Ack::descriptor()->file()->FindServiceByName("BudgetControl"),
                                ::knowledge_journal::JournalState::descriptor()->file()->FindServiceByName("KnowledgeJournal"),
                                ::orchestrator::CompletionRequest::descriptor()->file()->FindServiceByName("LlmGatewayService"),
                                ::orchestrator::v1::CompletionRequest::descriptor()->file()->FindServiceByName("LlmGatewayService")});
}

TEST_CASE("only admins make keys and change limits, and each such call is audited", "[access]") {
  const auto table = gateway::access_table();
  for (const char* method : {"SetLimit", "ResetBudget", "OverrideBudget", "CreateKey", "RotateKey", "EndKey"}) {
    const auto& roles = table.at(std::string("/llm_gateway.BudgetControl/") + method);
    INFO(method);
    for (const auto role : {auth::Role::Viewer, auth::Role::Agent, auth::Role::Operator}) CHECK_FALSE(roles.contains(role));
    CHECK(roles.contains(auth::Role::Admin));
    CHECK(roles.is_audited());
  }
  CHECK_FALSE(table.at("/llm_gateway.BudgetControl/QuerySpend").contains(auth::Role::Agent));
  CHECK_FALSE(table.at("/llm_gateway.BudgetControl/ListKeys").contains(auth::Role::Viewer));
}

#include "adapters/grpc/access.hpp"

#include <catch2/catch.hpp>

#include "libs/testing/access.hpp"
#include "protos/compat/orchestrator_legacy.pb.h"
#include "protos/compat/orchestrator_v1.pb.h"
#include "protos/knowledge_journal.pb.h"
#include "protos/orchestrator.pb.h"

using namespace swarm;

TEST_CASE("every RPC that is served stands in the access table, and nothing else", "[access]") {
  const auto table = swarm::orchestrator::grpc_api::access_table();
  // Names messages of each file, so that their descriptors are linked in.
  testing::check_access(table, {::orchestrator::Task::descriptor()->file()->FindServiceByName("Orchestrator"),
                                ::knowledge_journal::JournalState::descriptor()->file()->FindServiceByName("KnowledgeJournal"),
                                ::orchestrator::RouteTaskRequest::descriptor()->file()->FindServiceByName("OrchestratorService"),
                                ::orchestrator::v1::RouteTaskRequest::descriptor()->file()->FindServiceByName("OrchestratorService")});
  CHECK_FALSE(table.at("/orchestrator.Orchestrator/SetDispatch").contains(auth::Role::Agent));
  CHECK_FALSE(table.at("/orchestrator.Orchestrator/PollTask").contains(auth::Role::Viewer));
}

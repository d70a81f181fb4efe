#include "adapters/grpc/access.hpp"

#include <catch2/catch.hpp>

#include "libs/testing/access.hpp"
#include "protos/analyst.pb.h"
#include "protos/compat/orchestrator_legacy.pb.h"
#include "protos/compat/orchestrator_v1.pb.h"
#include "protos/knowledge_journal.pb.h"

using namespace swarm;

TEST_CASE("every RPC that the analyst serves stands in its access table, and nothing else", "[access]") {
  // Names messages of each file, so that their descriptors are linked in.
  testing::check_access(swarm::analyst::adapters::access_table(),
                        {::analyst::FailureEvent::descriptor()->file()->FindServiceByName("Analyst"),
                         ::knowledge_journal::JournalState::descriptor()->file()->FindServiceByName("KnowledgeJournal"),
                         ::orchestrator::v1::PromptRequest::descriptor()->file()->FindServiceByName("AnalystService"),
                         ::orchestrator::ClusterRequest::descriptor()->file()->FindServiceByName("AnalystService")});
}

#include "peer.hpp"

namespace swarm::ctl {
namespace {

constexpr std::array<PeerFacts, 3> kFacts = {{
    {"orchestrator", "orchestrator-core", "--orchestrator", "SWARM_CTL_ORCHESTRATOR", "127.0.0.1:50054",
     "--orchestrator-admin", "SWARM_CTL_ORCHESTRATOR_ADMIN", "127.0.0.1:9154", "orchestrator.Orchestrator"},
    {"analyst", "analyst-service", "--analyst", "SWARM_CTL_ANALYST", "127.0.0.1:50055", "--analyst-admin",
     "SWARM_CTL_ANALYST_ADMIN", "127.0.0.1:9155", "analyst.Analyst"},
    {"gateway", "llm-gateway", "--gateway", "SWARM_CTL_GATEWAY", "127.0.0.1:50056", "--gateway-admin",
     "SWARM_CTL_GATEWAY_ADMIN", "127.0.0.1:9156", "llm_gateway.BudgetControl"},
}};

}  // namespace

const PeerFacts& facts(Peer peer) { return kFacts[static_cast<std::size_t>(peer)]; }

}  // namespace swarm::ctl

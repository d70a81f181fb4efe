#pragma once

#include <memory>

#include "domain/flow_rounds.hpp"
#include "libs/async/guarded.hpp"
#include "libs/base/clock.hpp"
#include "libs/rpc/gate.hpp"

namespace grpc {
class Service;
}

namespace swarm::orchestrator::grpc_api {

struct LegacyParts {
  rpc::Gate& gate;
  const Workflow& workflow;
  async::Guarded<FlowRounds>& flows;  // of both generations
  const Clock& clock;
};

/// OrchestratorService as the swarm's deployed Python agents call it, in both generations; answered from the workflow.
std::unique_ptr<grpc::Service> make_legacy_service(const LegacyParts& parts);
std::unique_ptr<grpc::Service> make_legacy_v1_service(const LegacyParts& parts);

}  // namespace swarm::orchestrator::grpc_api

#pragma once

#include <memory>

#include "domain/workflow.hpp"
#include "libs/rpc/gate.hpp"

namespace grpc {
class Service;
}

namespace swarm::orchestrator::grpc_api {

/// OrchestratorService as the swarm's deployed Python agents call it, in both generations; answered from the workflow.
std::unique_ptr<grpc::Service> make_legacy_service(rpc::Gate& gate, const Workflow& workflow);
std::unique_ptr<grpc::Service> make_legacy_v1_service(rpc::Gate& gate, const Workflow& workflow);

}  // namespace swarm::orchestrator::grpc_api

#include "adapters/grpc/legacy_service.hpp"

#include "domain/routing.hpp"
#include "libs/rpc/status.hpp"
#include "protos/compat/orchestrator_legacy.grpc.pb.h"
#include "protos/compat/orchestrator_v1.grpc.pb.h"

namespace swarm::orchestrator::grpc_api {
namespace {

/// Both generations speak the same messages in packages of different names.
template <class Api, class RouteIn, class RouteOut, class GraphIn, class GraphOut>
class Legacy final : public Api::CallbackService {
 public:
  Legacy(const LegacyParts& parts, std::string prefix) : parts_(parts), prefix_(std::move(prefix)) {}

  grpc::ServerUnaryReactor* RouteTask(grpc::CallbackServerContext* context, const RouteIn* in, RouteOut* out) override {
    return answer(context, "RouteTask", [&]() -> Result<void> {
      out->set_agent_type(handler_of(parts_.workflow, in->task_description()));
      return outcome::success();
    });
  }

  grpc::ServerUnaryReactor* ManageStateGraph(grpc::CallbackServerContext* context, const GraphIn* in,
                                             GraphOut* out) override {
    return answer(context, "ManageStateGraph", [&]() -> Result<void> {
      BOOST_OUTCOME_TRY(auto next, parts_.flows.with([&](FlowRounds& rounds) {
        return next_state(parts_.workflow, rounds, in->current_state(), in->action(), context->peer(), parts_.clock.boot_now());
      }));
      out->set_next_state(next);
      return outcome::success();
    });
  }

 private:
  template <class F>
  grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, const char* method, F&& work) {
    auto* reactor = context->DefaultReactor();
    auto who = parts_.gate.admit(*context, prefix_ + method);
    Result<void> done = who ? work() : Result<void>(who.error());
    reactor->Finish(done ? grpc::Status::OK : rpc::to_status(done.error()));
    return reactor;
  }

  const LegacyParts parts_;
  const std::string prefix_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_legacy_service(const LegacyParts& parts) {
  using Service = Legacy<::orchestrator::OrchestratorService, ::orchestrator::RouteTaskRequest,
                         ::orchestrator::RouteTaskResponse, ::orchestrator::StateGraphRequest,
                         ::orchestrator::StateGraphResponse>;
  return std::make_unique<Service>(parts, "/orchestrator.OrchestratorService/");
}

std::unique_ptr<grpc::Service> make_legacy_v1_service(const LegacyParts& parts) {
  using Service = Legacy<::orchestrator::v1::OrchestratorService, ::orchestrator::v1::RouteTaskRequest,
                         ::orchestrator::v1::RouteTaskResponse, ::orchestrator::v1::StateGraphRequest,
                         ::orchestrator::v1::StateGraphResponse>;
  return std::make_unique<Service>(parts, "/orchestrator.v1.OrchestratorService/");
}

}  // namespace swarm::orchestrator::grpc_api

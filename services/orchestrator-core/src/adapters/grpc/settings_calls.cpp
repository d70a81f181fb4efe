#include "adapters/grpc/command_call.hpp"
#include "adapters/grpc/mapping_checks.hpp"
#include "domain/text_cut.hpp"

// Holds and schedules.
namespace swarm::orchestrator::grpc_api {
grpc::ServerUnaryReactor* OrchestratorService::SetHold(Context* context, const ::orchestrator::HoldRequest* in,
                                                       ::orchestrator::Hold* out) {
  return command(context, "/orchestrator.Orchestrator/SetHold", parts_.router.hold_changes, CallKind::Hold, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto hold, to_hold(*in, options_.limits));
                   return Command(orchestrator::SetHold{0, std::move(hold), in->held()});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::ListHolds(Context* context, const ::orchestrator::ListHoldsRequest*,
                                                         ::orchestrator::ListHoldsResponse* out) {
  return command(context, "/orchestrator.Orchestrator/ListHolds", parts_.router.holds, CallKind::Holds, out,
                 []() -> Result<Command> { return Command(orchestrator::ListHolds{}); });
}

grpc::ServerUnaryReactor* OrchestratorService::PutSchedule(Context* context, const ::orchestrator::NewSchedule* in,
                                                           ::orchestrator::Schedule* out) {
  return command(context, "/orchestrator.Orchestrator/PutSchedule", parts_.router.schedule_changes, CallKind::Schedule, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto schedule, to_schedule(*in, options_.limits));
                   return Command(orchestrator::PutSchedule{0, std::move(schedule)});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::PauseSchedule(Context* context, const ::orchestrator::PauseScheduleRequest* in,
                                                             ::orchestrator::Schedule* out) {
  return command(context, "/orchestrator.Orchestrator/PauseSchedule", parts_.router.schedule_changes, CallKind::Schedule, out,
                 [&]() -> Result<Command> {
                   return Command(orchestrator::PauseSchedule{0, in->name(), in->paused(), first_line(in->note(), kReasonBytesMax)});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::DeleteSchedule(Context* context, const ::orchestrator::ScheduleRef* in,
                                                              ::orchestrator::Schedule* out) {
  return command(context, "/orchestrator.Orchestrator/DeleteSchedule", parts_.router.schedule_changes, CallKind::Schedule, out,
                 [&]() -> Result<Command> { return Command(orchestrator::DeleteSchedule{0, in->name()}); });
}

grpc::ServerUnaryReactor* OrchestratorService::ListSchedules(Context* context, const ::orchestrator::ListSchedulesRequest* in,
                                                             ::orchestrator::ListSchedulesResponse* out) {
  return command(context, "/orchestrator.Orchestrator/ListSchedules", parts_.router.schedules, CallKind::Schedules, out,
                 [&]() -> Result<Command> { return Command(orchestrator::ListSchedules{0, in->name()}); });
}

}  // namespace swarm::orchestrator::grpc_api

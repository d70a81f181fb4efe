#pragma once

#include "adapters/grpc/artifact_transfers.hpp"
#include "adapters/grpc/mapping.hpp"
#include "adapters/grpc/reply_router.hpp"
#include "adapters/grpc/watch_stream.hpp"
#include "application/engine_loop.hpp"
#include "libs/base/clock.hpp"
#include "libs/rpc/gate.hpp"
#include "ports/stack_source.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::orchestrator::grpc_api {

struct ServiceOptions {
  InputLimits limits;
  std::chrono::milliseconds poll_default{20'000};
  std::chrono::milliseconds poll_max{60'000};
};

/// orchestrator.Orchestrator on the callback API: each handler asks the gate, maps, and puts a command into the loop or
/// reads the store; no handler waits. Answers come through the ReplyRouter.
class OrchestratorService final : public ::orchestrator::Orchestrator::CallbackService {
 public:
  struct Parts {
    rpc::Gate& gate;
    EngineLoop& loop;
    ReplyRouter& router;
    WatchHub& hub;
    WatchStreams& watch_streams;
    const TaskStore& store;
    const Clock& clock;
    ArtifactFiles& files;
    ArtifactKeeper& keeper;
    DiskThreads& disk;
    TransferBook& transfers;
  };
  OrchestratorService(Parts parts, ServiceOptions options) : parts_(parts), options_(options) {}
  /// For the stacks of tasks whose text names none. Before the server starts.
  void look_stacks_up_in(StackSource& stacks) { stacks_ = &stacks; }

  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;
  Unary* RegisterAgent(Context*, const ::orchestrator::AgentInfo*, ::orchestrator::RegisterResponse*) override;
  Unary* PollTask(Context*, const ::orchestrator::AgentQuery*, ::orchestrator::TaskAssignment*) override;
  Unary* SubmitResult(Context*, const ::orchestrator::TaskResult*, ::orchestrator::Ack*) override;
  Unary* Heartbeat(Context*, const ::orchestrator::HeartbeatRequest*, ::orchestrator::HeartbeatResponse*) override;
  Unary* SubmitTasks(Context*, const ::orchestrator::SubmitTasksRequest*,
                     ::orchestrator::SubmitTasksResponse*) override;
  Unary* SubmitTask(Context*, const ::orchestrator::NewTask*, ::orchestrator::SubmitTaskResponse*) override;
  Unary* GetTask(Context*, const ::orchestrator::TaskRef*, ::orchestrator::Task*) override;
  Unary* ListTasks(Context*, const ::orchestrator::ListTasksRequest*, ::orchestrator::ListTasksResponse*) override;
  Unary* CancelTask(Context*, const ::orchestrator::CancelTaskRequest*, ::orchestrator::Task*) override;
  Unary* ApproveTask(Context*, const ::orchestrator::ApproveTaskRequest*, ::orchestrator::Task*) override;
  grpc::ServerWriteReactor<::orchestrator::TaskEvent>* WatchTasks(Context*,
                                                                  const ::orchestrator::WatchTasksRequest*) override;
  Unary* WhyNotScheduled(Context*, const ::orchestrator::TaskRef*, ::orchestrator::TaskExplanation*) override;
  Unary* ExplainDecision(Context*, const ::orchestrator::TaskRef*, ::orchestrator::TaskExplanation*) override;
  Unary* RedriveTasks(Context*, const ::orchestrator::RedriveRequest*, ::orchestrator::RedriveResponse*) override;
  Unary* DeleteTask(Context*, const ::orchestrator::TaskRef*, ::orchestrator::DeleteTaskResponse*) override;
  Unary* ListAgents(Context*, const ::orchestrator::ListAgentsRequest*, ::orchestrator::ListAgentsResponse*) override;
  Unary* SetDispatch(Context*, const ::orchestrator::DispatchRequest*, ::orchestrator::DispatchState*) override;
  Unary* GetDispatch(Context*, const ::orchestrator::DispatchQuery*, ::orchestrator::DispatchState*) override;
  // artifact_calls.cpp
  grpc::ServerReadReactor<::orchestrator::ArtifactPart>* UploadArtifact(Context*, ::orchestrator::ArtifactInfo*) override;
  Unary* GetUploadOffset(Context*, const ::orchestrator::ArtifactBegin*, ::orchestrator::UploadOffset*) override;
  Unary* ListArtifacts(Context*, const ::orchestrator::TaskRef*, ::orchestrator::ListArtifactsResponse*) override;
  grpc::ServerWriteReactor<::orchestrator::ArtifactPart>* DownloadArtifact(Context*, const ::orchestrator::ArtifactRequest*) override;
  // settings_calls.cpp
  Unary* SetHold(Context*, const ::orchestrator::HoldRequest*, ::orchestrator::Hold*) override;
  Unary* ListHolds(Context*, const ::orchestrator::ListHoldsRequest*, ::orchestrator::ListHoldsResponse*) override;
  Unary* PutSchedule(Context*, const ::orchestrator::NewSchedule*, ::orchestrator::Schedule*) override;
  Unary* PauseSchedule(Context*, const ::orchestrator::PauseScheduleRequest*, ::orchestrator::Schedule*) override;
  Unary* DeleteSchedule(Context*, const ::orchestrator::ScheduleRef*, ::orchestrator::Schedule*) override;
  Unary* ListSchedules(Context*, const ::orchestrator::ListSchedulesRequest*, ::orchestrator::ListSchedulesResponse*) override;
  grpc::ServerBidiReactor<::orchestrator::WorkRequest, ::orchestrator::WorkResponse>* Work(Context*) override;
  grpc::ServerBidiReactor<::orchestrator::SubmitTasksRequest, ::orchestrator::SubmitTasksResponse>* SubmitStream(
      Context*) override;

 private:
  template <class Response, class ToCommand>
  Unary* command(Context* context, const char* method, rpc::PendingCalls<Response>& calls, CallKind kind,
                 Response* response, ToCommand to_command);
  bool look_stacks_up_of(Command& command, std::function<void()> refuse);
  Unary* answer(Context* context, const Error& error) const;
  TransferContext transfer() const;
  Result<std::uint64_t> read_upload_offset(const ::orchestrator::ArtifactBegin& request) const;
  Result<void> read_artifacts(const ::orchestrator::TaskRef& request, ::orchestrator::ListArtifactsResponse& out) const;
  Unary* explain(Context* context, const char* method, const ::orchestrator::TaskRef* in, ::orchestrator::TaskExplanation* out);
  Result<Command> read_redrive(const ::orchestrator::RedriveRequest& request, ::orchestrator::RedriveResponse& out) const;
  Result<void> read_task(const ::orchestrator::TaskRef& request, ::orchestrator::Task& out, bool& inspect) const;
  Result<void> read_list(const ::orchestrator::ListTasksRequest& request,
                         ::orchestrator::ListTasksResponse& out) const;

  Parts parts_;
  ServiceOptions options_;
  StackSource* stacks_ = nullptr;  // null: nobody to ask
};

}  // namespace swarm::orchestrator::grpc_api

#include <algorithm>

#include "adapters/grpc/command_call.hpp"
#include "adapters/grpc/stream_base.hpp"

// Files of tasks.
namespace swarm::orchestrator::grpc_api {
namespace {

constexpr const char* kUpload = "/orchestrator.Orchestrator/UploadArtifact";
constexpr const char* kOffset = "/orchestrator.Orchestrator/GetUploadOffset";
constexpr const char* kList = "/orchestrator.Orchestrator/ListArtifacts";
constexpr const char* kDownload = "/orchestrator.Orchestrator/DownloadArtifact";

}  // namespace

TransferContext OrchestratorService::transfer() const {
  return {parts_.loop, parts_.router, parts_.store, parts_.files, parts_.keeper, parts_.disk, parts_.transfers, options_.limits};
}

grpc::ServerReadReactor<::orchestrator::ArtifactPart>* OrchestratorService::UploadArtifact(Context* context, ::orchestrator::ArtifactInfo* out) {
  if (auto who = parts_.gate.admit(*context, kUpload); !who) {
    return new Refused<grpc::ServerReadReactor<::orchestrator::ArtifactPart>>(who.error());
  }
  if (log::enabled(log::Level::Debug)) log_call(*context, kUpload, "");
  return start_upload(transfer(), context, out);
}

grpc::ServerUnaryReactor* OrchestratorService::GetUploadOffset(Context* context, const ::orchestrator::ArtifactBegin* in,
                                                               ::orchestrator::UploadOffset* out) {
  if (auto who = parts_.gate.admit(*context, kOffset); !who) return answer(context, who.error());
  if (log::enabled(log::Level::Debug)) log_call(*context, kOffset, in->task_id());
  const auto offset = read_upload_offset(*in);
  if (!offset) return answer(context, offset.error());
  out->set_offset(static_cast<std::int64_t>(offset.value()));
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

Result<std::uint64_t> OrchestratorService::read_upload_offset(const ::orchestrator::ArtifactBegin& request) const {
  BOOST_OUTCOME_TRY(const auto begin, to_upload(request, options_.limits));
  BOOST_OUTCOME_TRY(const auto task, parts_.store.find(begin.task));
  if (!task) return Error{Code::NotFound, "no task id=" + text(begin.task)};
  BOOST_OUTCOME_TRYV(check_lease(begin, *task->state));
  if (parts_.files.has(begin.sha256, begin.bytes)) return begin.bytes;
  BOOST_OUTCOME_TRY(const auto arrived, parts_.files.arrived(begin.sha256));
  return std::min(arrived, begin.bytes);
}

grpc::ServerUnaryReactor* OrchestratorService::ListArtifacts(Context* context, const ::orchestrator::TaskRef* in,
                                                             ::orchestrator::ListArtifactsResponse* out) {
  if (auto who = parts_.gate.admit(*context, kList); !who) return answer(context, who.error());
  if (log::enabled(log::Level::Debug)) log_call(*context, kList, in->task_id());
  if (auto read = read_artifacts(*in, *out); !read) return answer(context, read.error());
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

Result<void> OrchestratorService::read_artifacts(const ::orchestrator::TaskRef& request, ::orchestrator::ListArtifactsResponse& out) const {
  BOOST_OUTCOME_TRY(auto id, to_task_id("task_id", request.task_id()));
  BOOST_OUTCOME_TRY(auto task, parts_.store.find(id));
  if (!task) return Error{Code::NotFound, "no task id=" + text(id)};
  if (!task->state->artifacts) return outcome::success();
  for (const auto& artifact : *task->state->artifacts) fill(*out.add_artifacts(), artifact);
  return outcome::success();
}

grpc::ServerWriteReactor<::orchestrator::ArtifactPart>* OrchestratorService::DownloadArtifact(Context* context, const ::orchestrator::ArtifactRequest* in) {
  if (auto who = parts_.gate.admit(*context, kDownload); !who) {
    return new Refused<grpc::ServerWriteReactor<::orchestrator::ArtifactPart>>(who.error());
  }
  if (log::enabled(log::Level::Debug)) log_call(*context, kDownload, in->task_id());
  return start_download(transfer(), context, *in);
}

}  // namespace swarm::orchestrator::grpc_api

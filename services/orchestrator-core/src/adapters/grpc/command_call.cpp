#include "adapters/grpc/command_call.hpp"

#include "libs/rpc/trace.hpp"

namespace swarm::orchestrator::grpc_api {

std::string subject(const Command& command) {
  if (const auto* results = std::get_if<ReportResults>(&command)) return text(results->results.front().task);
  if (const auto* cancel = std::get_if<CancelTask>(&command)) return text(cancel->task);
  if (const auto* erase = std::get_if<DeleteTasks>(&command)) return text(erase->tasks.front());
  if (const auto* approve = std::get_if<ApproveTask>(&command)) return text(approve->task);
  if (const auto* inspect = std::get_if<InspectTask>(&command)) return text(inspect->task);
  if (const auto* attach = std::get_if<AttachArtifact>(&command)) return text(attach->task);
  if (const auto* explained = std::get_if<ExplainTask>(&command)) return text(explained->task);
  return {};
}

void log_call(const grpc::ServerContextBase& context, const char* method, const std::string& task) {
  const auto trace = rpc::trace_of(context);
  const trace::Scope scope(trace);
  log::debug("call", {{"method", method}, {"task", task}});
}

Error queue_full() { return {Code::ResourceExhausted, "the command queue is full, try again"}; }

}  // namespace swarm::orchestrator::grpc_api

#include "adapters/grpc/mapping_orders.hpp"

#include "adapters/grpc/mapping_checks.hpp"
#include "domain/text_cut.hpp"

namespace swarm::orchestrator::grpc_api {

Result<CancelTask> to_cancel(const ::orchestrator::CancelTaskRequest& in, const InputLimits& limits) {
  CancelTask out;
  BOOST_OUTCOME_TRY(out.task, to_task_id("task_id", in.task_id()));
  BOOST_OUTCOME_TRY(out.grace, to_duration("grace_ms", in.grace_ms(), limits));
  out.reason = first_line(in.reason(), kReasonBytesMax);
  return out;
}

Result<ApproveTask> to_approval(const ::orchestrator::ApproveTaskRequest& in, const InputLimits& limits) {
  ApproveTask out;
  BOOST_OUTCOME_TRY(out.task, to_task_id("task_id", in.task_id()));
  BOOST_OUTCOME_TRY(check_wish("comment", in.comment(), limits));
  BOOST_OUTCOME_TRY(check_name("by", in.by(), limits));
  out.approve = in.approve();
  out.comment = in.comment();
  out.by = in.by();
  return out;
}

DispatchState to_dispatch(const ::orchestrator::DispatchRequest& in, const InputLimits& limits) {
  return {in.halted(), first_line(in.reason(), kReasonBytesMax), first_line(in.by(), limits.name_bytes_max), {}};
}

}  // namespace swarm::orchestrator::grpc_api

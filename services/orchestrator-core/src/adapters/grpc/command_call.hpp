#pragma once

#include "adapters/grpc/orchestrator_service.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::grpc_api {

/// The task that a command is about; empty when there is none or it has no id yet.
std::string subject(const Command& command);
/// One line per call at debug level, with the caller's trace id.
void log_call(const grpc::ServerContextBase& context, const char* method, const std::string& task);
Error queue_full();

/// The common way of a call that becomes a command: admitted, mapped (`to_command` makes it), queued, and answered by
/// the router later.
template <class Response, class ToCommand>
grpc::ServerUnaryReactor* OrchestratorService::command(Context* context, const char* method,
                                                       rpc::PendingCalls<Response>& calls, CallKind kind,
                                                       Response* response, ToCommand to_command) {
  if (auto who = parts_.gate.admit(*context, method); !who) return answer(context, who.error());
  Result<Command> mapped = to_command();
  if (!mapped) return answer(context, mapped.error());
  if (log::enabled(log::Level::Debug)) log_call(*context, method, subject(mapped.value()));
  auto [id, reactor] = calls.open(response, [this, kind](std::uint64_t gone) {
    if (kind == CallKind::Poll) parts_.loop.submit(AbandonPoll{call_id(kind, gone)});
  });
  std::visit(
      [&, number = id](auto& c) {
        if constexpr (requires { c.call; }) c.call = call_id(kind, number);
      },
      mapped.value());
  auto refuse = [&calls, number = id] { calls.fail(number, queue_full()); };
  if (look_stacks_up_of(mapped.value(), refuse)) return reactor;
  if (!parts_.loop.submit(std::move(mapped.value()))) refuse();
  return reactor;
}

}  // namespace swarm::orchestrator::grpc_api

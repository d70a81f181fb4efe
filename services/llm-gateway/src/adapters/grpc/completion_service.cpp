#include "adapters/grpc/completion_service.hpp"

#include "libs/rpc/status.hpp"
#include "libs/rpc/trace.hpp"

namespace swarm::gateway {
namespace {

/// What is sent so shortly before the caller's deadline may come too late: the caller then asks again, and is to get the
/// same answer.
constexpr std::chrono::milliseconds kSurelyInTime{250};

std::string metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

template <class Request>
Prompt prompt_of(const Request& request) {
  Prompt prompt;
  prompt.text = request.prompt();
  prompt.model = request.model();
  prompt.system = request.system_prompt();
  prompt.json_mode = request.json_mode();
  prompt.tools_json = request.tools_json();
  prompt.messages_json = request.messages_json();
  return prompt;
}

}  // namespace

template <class Service, class Request, class Response>
grpc::ServerUnaryReactor* CompletionService<Service, Request, Response>::Complete(grpc::CallbackServerContext* context,
                                                                                  const Request* request, Response* response) {
  if (const auto in = gate_.admit(*context, method_); !in) {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(rpc::to_status(in.error()));
    return reactor;
  }
  const auto [id, reactor] = calls_.open(response);
  CompletionDesk::Caller caller;
  caller.credential = metadata(*context, "x-api-key");
  caller.task = metadata(*context, "x-swarm-task-id");
  caller.task_token = metadata(*context, "x-swarm-task-token");
  caller.trace = rpc::trace_of(*context);
  if (caller.credential.empty()) caller.who = anonymous_;
  const auto deadline = context->deadline();
  desk_.ask(prompt_of(*request), std::move(caller), [this, id = id, deadline](const Result<std::string>& result) {
    const bool in_time = std::chrono::system_clock::now() + kSurelyInTime < deadline;
    const bool told = calls_.finish(id, [&](Response& out) {
      if (!result) return rpc::to_status(result.error());
      out.set_completion(result.value());
      return grpc::Status::OK;
    });
    return told && in_time;
  });
  return reactor;
}

template class CompletionService<::orchestrator::v1::LlmGatewayService::CallbackService, ::orchestrator::v1::CompletionRequest,
                                 ::orchestrator::v1::CompletionResponse>;
template class CompletionService<::orchestrator::LlmGatewayService::CallbackService, ::orchestrator::CompletionRequest,
                                 ::orchestrator::CompletionResponse>;

}  // namespace swarm::gateway

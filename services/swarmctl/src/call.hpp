#pragma once

#include <grpcpp/client_context.h>

#include <utility>

#include "libs/rpc/status.hpp"
#include "session.hpp"

namespace swarm::ctl {

/// One unary call within the session's time-out.
///   call(session, *stub, &Orchestrator::Stub::GetTask, request)
template <class Stub, class Request, class Response>
Result<Response> call(Session& session, Stub& stub,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request) {
  grpc::ClientContext context;
  session.prepare(context);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return rpc::from_status(status);
  return response;
}

}  // namespace swarm::ctl

#include "libs/rpc/unknown_calls.hpp"

#include "libs/rpc/refusal_log.hpp"

namespace swarm::rpc {
namespace {

class Refused final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refused(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }  // gRPC's way: a reactor ends itself
};

}  // namespace

grpc::ServerGenericBidiReactor* UnknownCalls::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const grpc::Status status(grpc::StatusCode::UNIMPLEMENTED,
                            "this server does not know the call: check the address and compare the protos of both sides");
  log_refusal(context->method(), status, *context);
  return new Refused(status);
}

}  // namespace swarm::rpc

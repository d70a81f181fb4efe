#pragma once

#include <grpcpp/generic/async_generic_service.h>

namespace swarm::rpc {

/// Answers every call that no service of the server knows: Unimplemented, with what to do about it, and a log line, where
/// gRPC's own answer is an empty text and none. Thread-safe.
class UnknownCalls final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;
};

}  // namespace swarm::rpc

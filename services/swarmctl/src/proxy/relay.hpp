#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/async_generic_service.h>

#include <functional>
#include <memory>
#include <string>

namespace swarm::ctl {

/// Passes every call on to another server, whatever its method: messages, deadline, cancellation, metadata and status as they
/// came, in both directions, with one message in flight each way, so that the slower side sets the pace. A call that brings no
/// `authorization` gets that of `authorization` (empty: none). Must outlive its server. Thread-safe.
class Relay final : public grpc::CallbackGenericService {
 public:
  Relay(std::shared_ptr<grpc::Channel> there, std::function<std::string()> authorization)
      : there_(std::move(there)), authorization_(std::move(authorization)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  std::shared_ptr<grpc::Channel> there_;
  std::function<std::string()> authorization_;
};

}  // namespace swarm::ctl

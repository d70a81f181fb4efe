#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

namespace swarm::rpc {

/// A channel to another service: keep-alive on, reconnects with back-off of at most 1 s, messages up to 16 MiB.
/// Connects lazily; an address that is down shows in the calls' status.
std::shared_ptr<grpc::Channel> connect(const std::string& address);

}  // namespace swarm::rpc

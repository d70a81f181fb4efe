#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

namespace swarm::rpc {

/// A channel to another service: keep-alive on, reconnects with a back-off of at most 1 s, messages up to
/// `message_bytes_max`. Connects lazily; an address that is down shows in the calls' status. Every call needs a deadline.
/// With a `server_name` the peer's certificate must carry that one instead of the address's.
std::shared_ptr<grpc::Channel> connect(const std::string& address,
                                       const std::shared_ptr<grpc::ChannelCredentials>& credentials = grpc::InsecureChannelCredentials(),
                                       int message_bytes_max = 16 << 20, const std::string& server_name = {});

}  // namespace swarm::rpc

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "libs/rpc/channel.hpp"

namespace swarm::rpc {

/// Several channels to one address as connect() makes them, each with a connection of its own.
std::vector<std::shared_ptr<grpc::Channel>> connect_pool(const std::string& address, std::size_t count,
                                                         const std::shared_ptr<grpc::ChannelCredentials>& credentials, int message_bytes_max);

}  // namespace swarm::rpc

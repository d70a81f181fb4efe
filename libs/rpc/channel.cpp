#include "libs/rpc/channel.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "libs/rpc/channel_pool.hpp"

namespace swarm::rpc {
namespace {

grpc::ChannelArguments common_arguments(int message_bytes_max) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // In spite of its name this is how long an attempt to connect may take; a busy machine needs more than a moment.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // Services are reached directly: a proxy from the environment is meant for the way out.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(message_bytes_max);
  arguments.SetMaxSendMessageSize(message_bytes_max);
  return arguments;
}

}  // namespace

std::shared_ptr<grpc::Channel> connect(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                       int message_bytes_max, const std::string& server_name) {
  auto arguments = common_arguments(message_bytes_max);
  if (!server_name.empty()) arguments.SetSslTargetNameOverride(server_name);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

std::vector<std::shared_ptr<grpc::Channel>> connect_pool(const std::string& address, std::size_t count,
                                                         const std::shared_ptr<grpc::ChannelCredentials>& credentials, int message_bytes_max) {
  auto arguments = common_arguments(message_bytes_max);
  // Channels to one address share a connection otherwise, and a pool would be one in name only.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::vector<std::shared_ptr<grpc::Channel>> pool;
  for (std::size_t i = 0; i < count; ++i) pool.push_back(grpc::CreateCustomChannel(address, credentials, arguments));
  return pool;
}

}  // namespace swarm::rpc

#include "libs/rpc/status.hpp"

namespace swarm::rpc {
namespace {

// It goes out as a header, in which each byte may take three, and a client that gets more than 8 KiB of headers drops the status.
constexpr std::size_t kMessageBytesMax = 2'000;

/// Not cut within a UTF-8 character.
std::string cut(const std::string& message) {
  if (message.size() <= kMessageBytesMax) return message;
  std::size_t end = kMessageBytesMax;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
  return message.substr(0, end) + " […]";
}

}  // namespace

grpc::Status to_status(const Error& error) { return {static_cast<grpc::StatusCode>(error.code), cut(error.message)}; }

Error from_status(const grpc::Status& status) { return {static_cast<Code>(status.error_code()), status.error_message()}; }

}  // namespace swarm::rpc

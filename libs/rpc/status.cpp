#include "libs/rpc/status.hpp"

namespace swarm::rpc {

grpc::Status to_status(const Error& error) { return {static_cast<grpc::StatusCode>(error.code), error.message}; }

Error from_status(const grpc::Status& status) { return {static_cast<Code>(status.error_code()), status.error_message()}; }

}  // namespace swarm::rpc

#pragma once

#include <string>
#include <string_view>

namespace swarm {

/// What kind of thing went wrong, in gRPC's canonical codes, so that one function maps each error to gRPC and one to
/// HTTP. The numbers equal grpc::StatusCode.
enum class Code {
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
};

/// The code's canonical name, e.g. "NOT_FOUND".
std::string_view name(Code code);

/// A failure as a value: its kind, and one line in the caller's terms that names the value at fault and, where there
/// is one, the remedy. Lower case, no full stop, never a secret.
struct Error {
  Code code = Code::Unknown;
  std::string message;
};

}  // namespace swarm

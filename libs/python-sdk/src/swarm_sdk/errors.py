"""What can go wrong in a call. Every gRPC status becomes one of these; grpc.RpcError never leaves the SDK."""

from __future__ import annotations

import grpc


class SwarmError(Exception):
    """A call of a service failed. `code` is the gRPC status name, `message` the service's own words."""

    retryable = False  # whether the same call may succeed later

    def __init__(self, message: str, code: str = "UNKNOWN") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message


class Unavailable(SwarmError):
    """The service is starting, draining or not reachable, or it lost its store. The SDK has tried again already."""

    retryable = True


class DeadlineExceeded(SwarmError):
    """No answer in time. Whether the call took effect is unknown; the SDK's calls may all be repeated."""

    retryable = True


class ResourceExhausted(SwarmError):
    """A queue, size or disk limit of the service."""

    retryable = True


class InvalidArgument(SwarmError):
    """A field is missing or malformed; the message names it."""


class NotFound(SwarmError):
    """No such task, agent or scope."""


class FailedPrecondition(SwarmError):
    """The state of the task or lease forbids it."""


class AlreadyExists(SwarmError):
    """The idempotency key was used before, with other content."""


class PermissionDenied(SwarmError):
    """The caller's credentials don't allow it."""


class Unauthenticated(SwarmError):
    """Credentials are missing or wrong."""


class Cancelled(SwarmError):
    """The caller itself gave the call up."""


_BY_CODE: dict[grpc.StatusCode, type[SwarmError]] = {
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.CANCELLED: Cancelled,
}


# All that grpc.aio says of a connection that was lost while it was sending; no server of ours says it.
_LOST_WHILE_SENDING = "Internal error from Core"


def from_grpc(error: grpc.RpcError) -> SwarmError:
    """The SDK's error for one of gRPC's."""
    if isinstance(error, grpc.FutureCancelledError):
        return Cancelled("call cancelled", "CANCELLED")
    code = error.code()
    if code is grpc.StatusCode.INTERNAL and error.details() == _LOST_WHILE_SENDING:
        return Unavailable("the connection was lost while sending", "UNAVAILABLE")
    return _BY_CODE.get(code, SwarmError)(error.details() or "", code.name)

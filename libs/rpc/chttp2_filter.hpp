#pragma once

#include <cstdint>

namespace swarm::rpc {

/// Puts FrameLimits before gRPC's own HTTP/2 parser, on every connection that a client opens to us, after TLS and without a
/// copy. Debian's gRPC 1.51 has no defence against header floods and rapid resets (CVE-2023-33953, CVE-2023-44487), so the
/// program defines five functions of libgrpc under their own names: the dynamic linker prefers them, and they pass on to
/// the library what is no attack. It works with the shared library only; a test proves that it does with the one in use.
///
/// False when the library's functions have not been replaced, e.g. with another gRPC.
bool frame_filter_active();

/// Connections that were closed because of what came over them.
std::uint64_t connections_broken_off();

/// HTTP/2 streams that gRPC holds now, those included that were reset and wait for their end.
std::int64_t streams_open();

}  // namespace swarm::rpc

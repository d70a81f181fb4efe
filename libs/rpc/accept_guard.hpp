#pragma once

#include <cstdint>

namespace swarm::rpc {

/// gRPC 1.51 gives a listener up for good when accept4 fails for want of descriptors (CVE-2023-4785). The program therefore
/// defines accept4 itself: it keeps a spare descriptor with which it takes and closes what can't be served, so that the
/// listener lives and the clients learn at once; and it sheds connections while all but `reserve` descriptors are in use,
/// so that files and calls to peers still find some. Process-wide and thread-safe.
///
/// Raises the descriptor limit as far as allowed, at most to `descriptors_max`, and opens the spare. Call before listening.
void guard_accept(std::uint64_t descriptors_max = 65'536, std::uint64_t reserve = 128);

/// Beyond so many connections in all, and from one peer (an IPv4 address or an IPv6 /64), new ones are closed unserved; 0: no
/// limit. Loopback counts only in all, unless `loopback_too`. For the listeners of gRPC. Call before listening.
void limit_connections(std::uint64_t max, std::uint64_t per_peer_max, bool loopback_too = false);

/// Connections that were closed unserved so far.
std::uint64_t connections_shed();

}  // namespace swarm::rpc

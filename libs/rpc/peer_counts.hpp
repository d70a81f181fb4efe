#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "libs/base/clock.hpp"

namespace swarm::rpc {

/// Where a connection comes from. An IPv6 peer is its /64, which one household or machine has to itself.
struct Peer {
  std::array<std::uint8_t, 16> network{};  // IPv4 as ::ffff:a.b.c.d
  std::array<std::uint8_t, 18> address{};  // whole, with the port

  bool loopback() const;
  /// As if nobody else came from there: for what no share of one peer shall limit.
  Peer alone() const;
  auto operator<=>(const Peer&) const = default;
};
/// Nothing for what is neither IPv4 nor IPv6.
std::optional<Peer> peer_of(const sockaddr* address);

/// Counts the open connections of a listener, in all and by peer, without being told when one closes: a descriptor that is
/// given out again was closed, and when a limit is reached, those that count are looked at. Not thread-safe.
class PeerCounts {
 public:
  /// True when the descriptor still is that connection.
  using Alive = std::function<bool(int descriptor, const Peer& peer)>;

  struct Limits {
    std::size_t total = 0;     // 0: none
    std::size_t per_peer = 0;  // 0: none
  };
  PeerCounts(Limits limits, Alive alive) : limits_(limits), alive_(std::move(alive)) {}

  /// Whether the new connection may stay; it counts then. Looks at the others at most once in 10 ms.
  bool admit(int descriptor, const Peer& peer, BootTime now);
  std::size_t total() const { return total_; }

 private:
  bool full(const Peer& peer) const;
  void forget(int descriptor);
  void forget_closed();

  Limits limits_;
  Alive alive_;
  std::vector<std::optional<Peer>> by_descriptor_;
  std::map<std::array<std::uint8_t, 16>, std::size_t> by_peer_;
  std::size_t total_ = 0;
  BootTime looked_at_{};
};

}  // namespace swarm::rpc

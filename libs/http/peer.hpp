#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "libs/async/guarded.hpp"

namespace swarm::http {

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

/// How many connections each peer has open, over all listeners that share this; loopback is not counted. Thread-safe.
class PeerShares {
 public:
  explicit PeerShares(std::size_t max) : max_(max) {}

  /// False when the peer has its share already; what was taken must be given back.
  bool take(const Peer& peer);
  void give_back(const Peer& peer);

 private:
  const std::size_t max_;
  async::Guarded<std::map<std::array<std::uint8_t, 16>, std::size_t>> open_;
};

}  // namespace swarm::http

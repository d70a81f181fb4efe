#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/http/peer.hpp"

namespace swarm::rpc {

using http::Peer;
using http::peer_of;

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

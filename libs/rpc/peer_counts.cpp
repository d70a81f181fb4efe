#include "libs/rpc/peer_counts.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace swarm::rpc {
namespace {

constexpr std::chrono::milliseconds kLookInterval{10};
constexpr std::size_t kNetworkBytesOfV6 = 8;
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped_v4(const std::array<std::uint8_t, 18>& address) { return std::equal(kMapped.begin(), kMapped.end(), address.begin()); }

}  // namespace

bool Peer::loopback() const {
  if (is_mapped_v4(address)) return address[12] == 127;
  return std::all_of(address.begin(), address.begin() + 15, [](std::uint8_t b) { return b == 0; }) && address[15] == 1;
}

Peer Peer::alone() const {
  Peer one = *this;
  std::copy(address.begin() + 2, address.end(), one.network.begin());  // with the port
  return one;
}

std::optional<Peer> peer_of(const sockaddr* address) {
  Peer peer;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::copy(kMapped.begin(), kMapped.end(), peer.address.begin());
    std::memcpy(peer.address.data() + 12, &v4.sin_addr, 4);
    std::memcpy(peer.address.data() + 16, &v4.sin_port, 2);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(peer.address.data(), &v6.sin6_addr, 16);
    std::memcpy(peer.address.data() + 16, &v6.sin6_port, 2);
  } else {
    return std::nullopt;
  }
  const auto known = is_mapped_v4(peer.address) ? std::size_t{16} : kNetworkBytesOfV6;
  std::copy_n(peer.address.begin(), known, peer.network.begin());
  return peer;
}

bool PeerCounts::full(const Peer& peer) const {
  if (limits_.total > 0 && total_ >= limits_.total) return true;
  if (limits_.per_peer == 0) return false;
  const auto count = by_peer_.find(peer.network);
  return count != by_peer_.end() && count->second >= limits_.per_peer;
}

void PeerCounts::forget(int descriptor) {
  auto& known = by_descriptor_[static_cast<std::size_t>(descriptor)];
  if (!known) return;
  const auto count = by_peer_.find(known->network);
  if (--count->second == 0) by_peer_.erase(count);
  known.reset();
  --total_;
}

void PeerCounts::forget_closed() {
  for (std::size_t i = 0; i < by_descriptor_.size(); ++i) {
    if (by_descriptor_[i] && !alive_(static_cast<int>(i), *by_descriptor_[i])) forget(static_cast<int>(i));
  }
}

bool PeerCounts::admit(int descriptor, const Peer& peer, BootTime now) {
  if (by_descriptor_.size() <= static_cast<std::size_t>(descriptor)) by_descriptor_.resize(static_cast<std::size_t>(descriptor) + 1);
  forget(descriptor);
  if (full(peer) && now - looked_at_ >= kLookInterval) {
    looked_at_ = now;
    forget_closed();
  }
  if (full(peer)) return false;
  by_descriptor_[static_cast<std::size_t>(descriptor)] = peer;
  ++by_peer_[peer.network];
  ++total_;
  return true;
}

}  // namespace swarm::rpc

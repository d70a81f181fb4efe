#include "libs/http/peer.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace swarm::http {
namespace {

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

bool PeerShares::take(const Peer& peer) {
  if (peer.loopback()) return true;
  return open_.with([&](auto& open) {
    const auto at = open.try_emplace(peer.network, 0).first;
    if (at->second >= max_) return false;
    ++at->second;
    return true;
  });
}

void PeerShares::give_back(const Peer& peer) {
  if (peer.loopback()) return;
  open_.with([&](auto& open) {
    const auto at = open.find(peer.network);
    if (--at->second == 0) open.erase(at);
  });
}

}  // namespace swarm::http

#include "libs/rpc/peer_counts.hpp"

#include <algorithm>

namespace swarm::rpc {
namespace {

constexpr std::chrono::milliseconds kLookInterval{10};

}  // namespace

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

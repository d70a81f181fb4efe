#include "application/key_refusals.hpp"

#include <array>
#include <cstdio>

#include "application/key_ring.hpp"

namespace swarm::gateway {
namespace {

constexpr std::uint32_t kToldAMinute = 5;
constexpr std::size_t kPeersMax = 1'000;
constexpr std::size_t kPathBytesMax = 100;
constexpr std::string_view kOthers = "others";
constexpr auto kMinute = std::chrono::minutes(1);

std::string described(std::string_view credential) {
  if (credential.empty()) return "no key";
  const KeyHash hash = hash_key(credential);
  std::array<char, 16> text{};
  const int n = std::snprintf(text.data(), text.size(), "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
  return "unknown or ended key, SHA-256 " + std::string(text.data(), static_cast<std::size_t>(n)) + "...";
}

}  // namespace

void KeyRefusals::refused(const std::string& peer, std::string_view credential, std::string_view path, BootTime now) {
  if (!tell_) return;
  if (peers_.size() >= kPeersMax && !peers_.contains(peer)) {
    std::erase_if(peers_, [&](const auto& entry) { return now - entry.second.minute >= kMinute; });
    // With that many at it, one more address is one of the crowd.
    if (peers_.size() >= kPeersMax && peer != kOthers) return refused(std::string(kOthers), credential, path, now);
  }
  Seen& seen = peers_[peer];
  if (now - seen.minute >= kMinute) {
    seen.minute = now;
    seen.told = 0;
  }
  if (seen.told >= kToldAMinute) {
    ++seen.untold;
    return;
  }
  ++seen.told;
  std::string reason = described(credential);
  if (seen.untold > 0) reason += "; " + std::to_string(seen.untold) + " more since the last line";
  seen.untold = 0;
  tell_(peer, "HTTP " + std::string(path.substr(0, path.find('?')).substr(0, kPathBytesMax)), std::move(reason));
}

}  // namespace swarm::gateway

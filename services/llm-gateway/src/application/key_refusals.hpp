#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libs/base/clock.hpp"

namespace swarm::gateway {

/// Tells of keys that were refused: of each caller's address the first few in a minute one by one, the others as a number
/// with the next one that is told. Bounded in memory and in what it tells; a key is told by the beginning of its hash, which
/// helps whoever has the key to find it and nobody else. Belongs to one thread.
class KeyRefusals {
 public:
  /// Must not block.
  using Tell = std::function<void(std::string peer, std::string what, std::string reason)>;
  explicit KeyRefusals(Tell tell) : tell_(std::move(tell)) {}

  void refused(const std::string& peer, std::string_view credential, std::string_view path, BootTime now);

 private:
  struct Seen {
    BootTime minute{};        // when its minute began
    std::uint32_t told = 0;
    std::uint64_t untold = 0;
  };
  Tell tell_;
  std::unordered_map<std::string, Seen> peers_;
};

}  // namespace swarm::gateway

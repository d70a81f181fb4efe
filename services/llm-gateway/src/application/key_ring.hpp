#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/budget_ledger.hpp"
#include "domain/rate_limit.hpp"
#include "libs/base/result.hpp"

namespace swarm::gateway {

/// Who pays for a request. Lives as long as its KeyRing.
struct Principal {
  std::uint32_t id = 0;
  std::string name;                  // of the key, never the key itself
  std::string team;                  // empty: none
  bool priority = false;             // may use the last part of a budget
  bool bare_tasks = false;           // may name a task without a token
  std::vector<std::string> models;   // allowed names; empty: all
  RateLimits limits;
  std::array<ScopeId, 3> scopes{};   // global, team, key
  std::size_t scope_count = 0;

  bool may_use(std::string_view model) const;
};

using KeyHash = std::array<unsigned char, 32>;
KeyHash hash_key(std::string_view key);
/// 64 hexadecimal digits. InvalidArgument otherwise.
Result<KeyHash> parse_hash(std::string_view hex);

/// The keys that callers may present, as SHA-256 hashes: a leaked configuration or core gives none away. A key is 256
/// random bits, so that a plain hash is enough and no look-up is slow. Immutable; thread-safe.
class KeyRing {
 public:
  struct Entry {
    KeyHash hash;
    Principal principal;
  };
  /// `anonymous`: who callers without a key are; null: nobody.
  KeyRing(std::vector<Entry> entries, std::unique_ptr<Principal> anonymous);

  /// Null when the key is unknown, or empty and nobody may come without one. Compares in constant time.
  const Principal* authenticate(std::string_view key) const;
  std::size_t size() const { return keys_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const KeyHash& hash) const;
  };
  struct Equal {
    bool operator()(const KeyHash& a, const KeyHash& b) const;
  };
  std::unordered_map<KeyHash, Principal, Hash, Equal> keys_;
  std::unique_ptr<Principal> anonymous_;
};

}  // namespace swarm::gateway

#pragma once

#include <array>
#include <string>
#include <vector>

#include "domain/rate_limit.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace swarm::gateway {

/// SHA-256 of a key. A key is 256 random bits, so that a plain hash is enough.
using KeyHash = std::array<unsigned char, 32>;

/// A key that was made at run time, as it is kept: by its hash, never the key itself. Its name is its own for ever, so that
/// the ledger's rows stay unambiguous.
struct StoredKey {
  std::string name;
  std::string team;                  // empty: none
  std::vector<std::string> models;   // allowed names; empty: all
  RateLimits limits;
  bool priority = false;
  bool bare_tasks = false;
  KeyHash hash{};
  KeyHash previous{};                // before the last rotation
  WallTime previous_until{};         // how long that one still counts
  WallTime created{};
  WallTime rotated{};                // never: zero
  WallTime ends = WallTime::max();   // expiry or revocation
};

/// Port: durable keys. Calls wait for the disk; thread-safe. Errors as SpendStore.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual Result<void> put_key(const StoredKey& key) = 0;
  virtual Result<std::vector<StoredKey>> keys() = 0;
};

}  // namespace swarm::gateway

#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "application/books.hpp"
#include "application/key_ring.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/secret.hpp"
#include "ports/key_store.hpp"

namespace swarm::gateway {

/// Makes, rotates and ends keys while the gateway runs, besides those of its configuration. Every change is durable
/// before it counts and before the call returns, so not for request paths. Thread-safe.
class KeyDesk {
 public:
  struct Bounds {
    std::size_t keys_max = 10'000;  // ended ones included: their names stay taken
    std::chrono::seconds grace_max = std::chrono::hours(24 * 30);
  };
  struct Wish {
    std::string name;
    std::string team;
    std::vector<std::string> models;
    RateLimits limits;
    bool priority = false;
    bool bare_tasks = false;
    std::optional<WallTime> ends;
  };
  /// A key and its text, which nobody can ever see again.
  struct Made {
    StoredKey key;
    Secret secret;
  };
  /// Makes what pays for a new key: its scopes, its limits. Its id is set by the desk.
  using MakePrincipal = std::function<Result<Principal>(const StoredKey& key)>;

  KeyDesk(KeyStore& store, KeyRing& ring, SharedBooks& books, const Clock& clock, MakePrincipal make, Bounds bounds);

  /// At the start: keys of earlier runs count again. AlreadyExists names one that the configuration has too.
  Result<void> load();
  /// InvalidArgument, AlreadyExists, ResourceExhausted (too many keys, or the disk is full), Unavailable.
  Result<Made> create(const Wish& wish);
  /// A new text for the same key; the old one counts for `grace` more. NotFound, FailedPrecondition (it has ended, or is
  /// the configuration's).
  Result<Made> rotate(const std::string& name, std::chrono::seconds grace);
  /// The key ends then, or now if that is past; both its texts.
  Result<StoredKey> end(const std::string& name, WallTime at);
  /// By name, behind `after`, at most `count`.
  std::vector<StoredKey> list(std::string_view after, std::size_t count) const;

 private:
  Result<void> put_into_force(const StoredKey& key);
  Result<StoredKey> known(const std::string& name) const;
  Result<void> keep(const StoredKey& key);

  KeyStore& store_;
  KeyRing& ring_;
  SharedBooks& books_;
  const Clock& clock_;
  MakePrincipal make_;
  Bounds bounds_;
  mutable std::mutex mutex_;  // one change at a time; not held by requests
  std::map<std::string, StoredKey, std::less<>> keys_;
};

}  // namespace swarm::gateway

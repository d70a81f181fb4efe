#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/budget_ledger.hpp"
#include "domain/rate_limit.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "ports/key_store.hpp"

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

KeyHash hash_key(std::string_view key);
/// 64 hexadecimal digits. InvalidArgument otherwise.
Result<KeyHash> parse_hash(std::string_view hex);

/// The keys that callers may present, as SHA-256 hashes: a leaked configuration or core gives none away. Those of the
/// configuration change as a whole; others are added, rotated and ended while requests look keys up. Thread-safe.
class KeyRing {
 public:
  struct Entry {
    KeyHash hash;
    Principal principal;
  };
  /// `anonymous`: who callers are while there is no key; null: nobody.
  KeyRing(std::vector<Entry> entries, std::unique_ptr<Principal> anonymous, const Clock& clock);

  /// Null when the key is unknown or has ended, or is empty and nobody may come without one: so it is while the configuration
  /// has a key, and for good once one was made at run time. Compares in constant time. The principal lives as long as the ring.
  const Principal* authenticate(std::string_view key) const;
  /// Gives the team that the leave for a task is meant for (empty: any), or why it does not count.
  using TaskTokenCheck = std::function<Result<std::string>(std::string_view task, std::string_view token, WallTime now)>;
  /// Before any thread uses the ring; without one, no token counts.
  void accept_task_tokens(TaskTokenCheck check) { task_token_ = std::move(check); }
  /// May this caller spend from that task's budget? PermissionDenied says why not, in a sentence for the caller.
  Result<void> may_name(const Principal& who, std::string_view task, std::string_view token) const;
  /// The configuration's keys are these from now on, none as well; those that are gone end, and what they were stays for the
  /// requests that began with them. A name keeps its id. Made at run time: untouched.
  void reconfigure(std::vector<Entry> entries);
  /// Of the configuration's key of that name, now or before; nothing for others.
  std::optional<std::uint32_t> configured_id(std::string_view name) const;
  /// A key made at run time, whose name nobody has yet.
  void add(const StoredKey& key, Principal principal);
  /// What it has become: rotated or ended.
  void change(const StoredKey& key);
  /// A key has that name, or had it.
  bool knows(std::string_view name) const;
  /// Of the configuration and made at run time, ended ones of the latter included.
  std::size_t size() const;

 private:
  struct Hash {
    std::size_t operator()(const KeyHash& hash) const;
  };
  struct Equal {
    bool operator()(const KeyHash& a, const KeyHash& b) const;
  };
  struct Credential {
    const Principal* who;
    WallTime until;
  };
  void put(const StoredKey& key, const Principal& who);
  void forget(const Principal& who);

  const Clock& clock_;
  TaskTokenCheck task_token_;
  mutable std::shared_mutex mutex_;  // of what follows, but for the last
  std::map<std::string, std::unique_ptr<const Principal>, std::less<>> principals_;
  std::unordered_map<KeyHash, Credential, Hash, Equal> keys_;
  std::map<std::string, std::uint32_t, std::less<>> configured_;  // names of the configuration's keys, with their ids
  std::vector<std::unique_ptr<const Principal>> former_;          // replaced, maybe still pointed to
  std::size_t configured_now_ = 0;                                // keys of the configuration in force
  std::size_t made_ = 0;                                          // keys made at run time, ended or not
  std::unique_ptr<Principal> anonymous_;
};

}  // namespace swarm::gateway

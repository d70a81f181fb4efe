#include "application/key_ring.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "libs/base/check.hpp"

namespace swarm::gateway {
namespace {

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool Principal::may_use(std::string_view model) const {
  return models.empty() || std::find(models.begin(), models.end(), model) != models.end();
}

/// SHA256() looks the digest up and makes a context at each call, which takes longer than to hash a key.
KeyHash hash_key(std::string_view key) {
  static const EVP_MD* const kDigest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  KeyHash hash;
  unsigned int size = 0;
  const bool done = EVP_DigestInit_ex(context.get(), kDigest, nullptr) == 1 && EVP_DigestUpdate(context.get(), key.data(), key.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), hash.data(), &size) == 1;
  SWARM_CHECK(done && size == hash.size(), "OpenSSL has SHA-256");
  return hash;
}

Result<KeyHash> parse_hash(std::string_view hex) {
  KeyHash hash;
  bool good = hex.size() == 2 * hash.size();
  for (std::size_t i = 0; good && i < hash.size(); ++i) {
    const int high = nibble(hex[2 * i]);
    const int low = nibble(hex[2 * i + 1]);
    good = high >= 0 && low >= 0;
    hash[i] = static_cast<unsigned char>(high * 16 + low);
  }
  if (!good) return Error{Code::InvalidArgument, "a key's hash is 64 hexadecimal digits (SHA-256)"};
  return hash;
}

std::size_t KeyRing::Hash::operator()(const KeyHash& hash) const {
  std::size_t bits = 0;
  std::memcpy(&bits, hash.data(), sizeof bits);
  return bits;
}

bool KeyRing::Equal::operator()(const KeyHash& a, const KeyHash& b) const {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

KeyRing::KeyRing(std::vector<Entry> entries, std::unique_ptr<Principal> anonymous, const Clock& clock)
    : clock_(clock), anonymous_(std::move(anonymous)) {
  reconfigure(std::move(entries));
}

void KeyRing::reconfigure(std::vector<Entry> entries) {
  std::unique_lock lock(mutex_);
  configured_now_ = entries.size();
  for (const auto& [name, id] : configured_) forget(*principals_.find(name)->second);
  for (Entry& entry : entries) {
    const std::string name = entry.principal.name;
    configured_[name] = entry.principal.id;
    auto& place = principals_[name];
    if (place) former_.push_back(std::move(place));
    place = std::make_unique<const Principal>(std::move(entry.principal));
    keys_.emplace(entry.hash, Credential{place.get(), WallTime::max()});
  }
}

std::optional<std::uint32_t> KeyRing::configured_id(std::string_view name) const {
  std::shared_lock lock(mutex_);
  const auto found = configured_.find(name);
  return found == configured_.end() ? std::nullopt : std::optional(found->second);
}

const Principal* KeyRing::authenticate(std::string_view key) const {
  const KeyHash hash = key.empty() ? KeyHash{} : hash_key(key);
  std::shared_lock lock(mutex_);
  if (!key.empty()) {
    const auto found = keys_.find(hash);
    if (found != keys_.end()) {
      const Credential& credential = found->second;
      return credential.until == WallTime::max() || clock_.wall_now() < credential.until ? credential.who : nullptr;
    }
  }
  // Without any key, whatever a client library insists on sending is as good as nothing.
  return configured_now_ + made_ == 0 ? anonymous_.get() : nullptr;
}

Result<void> KeyRing::may_name(const Principal& who, std::string_view task, std::string_view token) const {
  // A token that came along is checked even where none is needed: a wrong one is somebody's mistake.
  if (token.empty()) {
    if (who.bare_tasks) return outcome::success();
    return Error{Code::PermissionDenied, "this key may not name a task by itself: x-swarm-task-id needs x-swarm-task-token"};
  }
  if (!task_token_) {
    if (who.bare_tasks) return outcome::success();
    return Error{Code::PermissionDenied, "this gateway has no key to check task tokens with (tasks.token_key)"};
  }
  const auto team = task_token_(task, token, clock_.wall_now());
  if (!team) return Error{Code::PermissionDenied, team.error().message};
  if (!team.value().empty() && team.value() != who.team) {
    return Error{Code::PermissionDenied, "the task belongs to another team than this key"};
  }
  return outcome::success();
}

/// Its texts count for nothing any more.
void KeyRing::forget(const Principal& who) {
  for (auto it = keys_.begin(); it != keys_.end();) it = it->second.who == &who ? keys_.erase(it) : std::next(it);
}

void KeyRing::put(const StoredKey& key, const Principal& who) {
  forget(who);
  if (key.previous_until > WallTime{}) keys_.emplace(key.previous, Credential{&who, std::min(key.previous_until, key.ends)});
  keys_.emplace(key.hash, Credential{&who, key.ends});
}

void KeyRing::add(const StoredKey& key, Principal principal) {
  auto who = std::make_unique<const Principal>(std::move(principal));
  std::unique_lock lock(mutex_);
  put(key, *who);
  principals_.emplace(key.name, std::move(who));
  ++made_;
}

void KeyRing::change(const StoredKey& key) {
  std::unique_lock lock(mutex_);
  const auto found = principals_.find(key.name);
  if (found != principals_.end()) put(key, *found->second);
}

bool KeyRing::knows(std::string_view name) const {
  std::shared_lock lock(mutex_);
  return principals_.contains(name);
}

std::size_t KeyRing::size() const {
  std::shared_lock lock(mutex_);
  return configured_now_ + made_;
}

}  // namespace swarm::gateway

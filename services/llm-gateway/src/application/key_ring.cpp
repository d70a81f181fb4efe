#include "application/key_ring.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

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

KeyHash hash_key(std::string_view key) {
  KeyHash hash;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
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

KeyRing::KeyRing(std::vector<Entry> entries, std::unique_ptr<Principal> anonymous) : anonymous_(std::move(anonymous)) {
  for (Entry& entry : entries) keys_.emplace(entry.hash, std::move(entry.principal));
}

const Principal* KeyRing::authenticate(std::string_view key) const {
  if (!key.empty()) {
    const auto found = keys_.find(hash_key(key));
    if (found != keys_.end()) return &found->second;
  }
  // Without any key configured, whatever a client library insists on sending is as good as nothing.
  return keys_.empty() || key.empty() ? anonymous_.get() : nullptr;
}

}  // namespace swarm::gateway

#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::auth {

/// Signature algorithms that tokens may use. There is no "none" and nothing symmetric, so that a public key can never
/// be taken for a shared secret (RFC 8725, 2.1).
enum class Algorithm { RS256, ES256, EdDSA };
std::string_view name(Algorithm algorithm);

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeKey>;

/// A public key for verification. The algorithm belongs to the key, not to the token.
struct PublicKey {
  std::string id;  // kid
  Algorithm algorithm = Algorithm::ES256;
  std::shared_ptr<EVP_PKEY> key;
  std::string issuer;  // that its tokens must name; empty: the one that is expected of all
};

/// The keys of a JWKS document (RFC 7517), immutable and so free to share between threads.
class KeySet {
 public:
  /// InvalidArgument names the key and what is wrong: unknown type, RSA shorter than 2048 bits, missing or repeated kid.
  /// Keys marked for encryption ("use":"enc") are passed over.
  static Result<KeySet> parse(std::string_view jwks_json);
  /// For a set that others publish: passes over what it can't use, as RFC 7517 asks, and binds the rest, if any, to their issuer.
  /// InvalidArgument when it is no JWKS document or has over 100 keys.
  static Result<KeySet> parse_foreign(std::string_view jwks_json, const std::string& issuer);
  /// The keys of both; of two with the same kid, ours.
  KeySet joined_with(const KeySet& theirs) const;

  const PublicKey* find(std::string_view id) const;
  std::size_t size() const { return keys_.size(); }

 private:
  std::vector<PublicKey> keys_;
};

/// A private key from PEM text, and which algorithm it signs with. InvalidArgument when it is none of the three kinds.
struct PrivateKey {
  std::string id;
  Algorithm algorithm = Algorithm::ES256;
  KeyHandle key;

  static Result<PrivateKey> from_pem(std::string_view pem, std::string id);
  /// A new P-256 key.
  static PrivateKey generate(std::string id);
  std::string pem() const;
  /// The public half as one JWK object, for a JWKS document.
  std::string jwk_json() const;
};

}  // namespace swarm::auth

#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "libs/auth/access.hpp"
#include "libs/auth/jwk.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace swarm::auth {

/// What a token says of its bearer.
struct Claims {
  std::string subject;                // sub: agent or person
  std::string team;                   // tenant and budget scope
  Role role = Role::Viewer;
  std::string issuer;
  std::vector<std::string> audience;
  std::string cert_fingerprint;       // SHA-256 of the client certificate, 64 hexadecimal digits; empty: not bound
  std::string id;                     // jti
  WallTime issued_at{};
  WallTime expires_at{};
};

/// What a server asks of a token.
struct Expectations {
  std::string issuer;
  std::string audience;
  std::chrono::seconds leeway{30};           // for clocks that differ; at most 60 s makes sense
  std::chrono::seconds lifetime_max{900};    // exp - iat
};

/// Checks a compact JWS after RFC 7519 and RFC 8725: size, strict base64url and JSON without repeated names, `typ` absent, JWT
/// or at+jwt, no `crit`, a known `kid` whose pinned algorithm equals `alg`, signature, issuer, audience, `exp`, `nbf`,
/// `iat`, lifetime. Header members that point at keys (jwk, jku, x5u, x5c) are never followed.
/// Error: Unauthenticated, with a reason that holds nothing of the token but its kid.
Result<Claims> verify(std::string_view token, const KeySet& keys, const Expectations& expected, WallTime now);

/// The kid that a token names, which nobody has verified; empty when there is none or the header can't be read.
std::string kid_of(std::string_view token);

/// Signs claims into a compact JWS.
std::string sign(const Claims& claims, const PrivateKey& key);

}  // namespace swarm::auth

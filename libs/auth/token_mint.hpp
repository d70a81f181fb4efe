#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/auth/guard.hpp"
#include "libs/auth/jwk.hpp"

namespace swarm::auth {

/// Makes tokens on behalf of callers that are known already. Thread-safe.
class TokenMint {
 public:
  struct Options {
    std::string issuer;
    std::string audience;
    std::chrono::milliseconds lifetime_max{900'000};
    std::chrono::milliseconds renewal_max{86'400'000};
  };
  /// For whom, and what it allows. A lifetime of 0 stands for the longest one.
  struct Wish {
    std::string subject;
    Role role = Role::Agent;
    std::string team;
    std::string cert_fingerprint;
    std::chrono::milliseconds lifetime{0};
  };
  struct Minted {
    std::string token;
    WallTime expires_at{};
  };

  TokenMint(PrivateKey key, Options options, const Clock& clock) : key_(std::move(key)), options_(std::move(options)), clock_(clock) {}

  /// PermissionDenied: `by` may not give that role. InvalidArgument: no subject, a lifetime beyond the limit, a malformed fingerprint.
  Result<Minted> mint(const Principal& by, const Wish& wish) const;
  /// The bearer's own token anew, of whom the guard has just verified it. FailedPrecondition: authentication is off, or another
  /// issuer made it. Unauthenticated: its first issue, which each renewal carries on as `auth_time`, is too long ago.
  Result<Minted> renew(const Principal& bearer, std::string_view token, std::chrono::milliseconds lifetime) const;

 private:
  Result<std::chrono::milliseconds> lifetime_of(std::chrono::milliseconds wished) const;
  Minted make(const Wish& wish, std::int64_t first_issued_s, std::chrono::milliseconds lifetime) const;

  PrivateKey key_;
  Options options_;
  const Clock& clock_;
};

}  // namespace swarm::auth

#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "libs/async/guarded.hpp"
#include "libs/auth/jwt.hpp"
#include "libs/auth/key_source.hpp"
#include "libs/base/clock.hpp"

namespace grpc {
class ServerContextBase;
}

namespace swarm::auth {

/// Who is calling.
struct Principal {
  std::string subject;
  std::string team;
  Role role = Role::Viewer;
  bool authenticated = false;   // false: the open guard let everybody in
};

/// What a call brings along to prove who it is.
struct Credentials {
  std::string_view authorization;     // "Bearer …" or empty
  std::string_view cert_fingerprint;  // SHA-256 of the verified client certificate, lower-case hexadecimal; or empty
};

/// Decides whether a call may go on. Handlers ask it first (never gRPC's SetAuthMetadataProcessor: one header aborts the
/// process there). Thread-safe. Verified tokens are remembered until they expire or the keys change, at most 10,000 of them:
/// a key that is withdrawn counts no more, not for tokens already seen either.
class Guard {
 public:
  /// Lets everybody in as admin. For loopback only.
  explicit Guard(AccessTable table);
  Guard(AccessTable table, std::unique_ptr<KeySource> keys, Expectations expected, const Clock& clock);

  bool open() const { return keys_ == nullptr; }
  /// Why the newest keys can't be had, in words; empty: nothing is wrong.
  std::string fault() const { return keys_ ? keys_->fault() : std::string(); }
  const AccessTable& table() const { return table_; }

  /// `method` is the full name, "/package.Service/Method". Unauthenticated: no or a bad token. PermissionDenied: a good one,
  /// but its role is not in the table's row (or there is no row).
  Result<Principal> admit(std::string_view method, const Credentials& credentials);
  /// The same, with the credentials of a gRPC call.
  Result<Principal> admit(std::string_view method, const grpc::ServerContextBase& context);

 private:
  Result<Claims> verified(std::string_view token);

  AccessTable table_;
  std::unique_ptr<KeySource> keys_;
  Expectations expected_;
  const Clock* clock_ = nullptr;
  struct Known {
    std::shared_ptr<const KeySet> keys;    // that they were verified with
    std::map<std::string, Claims> tokens;  // by SHA-256 of the token
  };
  async::Guarded<Known> known_;
};

/// SHA-256 of a PEM certificate's DER form, as 64 lower-case hexadecimal digits; empty when it is none.
std::string fingerprint_of(std::string_view pem);

}  // namespace swarm::auth

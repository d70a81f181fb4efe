#pragma once

#include <memory>
#include <string>

#include "libs/auth/guard.hpp"
#include "libs/auth/token_mint.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/settings/settings.hpp"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace swarm::rpc {

/// Certificates of one service: what it shows to clients and peers, and whom it believes. The files are read again when
/// they change (checked every minute), so a rotated certificate needs no restart.
struct TlsSettings {
  std::string cert_file;   // PEM chain; empty: plain text, for loopback only
  std::string key_file;    // PEM private key
  std::string ca_file;     // PEM roots for peers and clients
  bool require_client_cert = false;

  bool enabled() const { return !cert_file.empty(); }
};

/// Who may call, and how this service proves itself to its peers.
struct AuthSettings {
  std::string jwks_file;         // public keys of the tokens that are accepted; with no URL either: everybody is admin
  std::string jwks_url;          // where an identity provider publishes further ones
  std::string jwks_ca_file;      // PEM roots for that; empty: the machine's
  std::string jwks_issuer;       // that its tokens name; empty: `issuer`
  std::chrono::milliseconds jwks_refresh = std::chrono::minutes(5);
  std::string issuer = "swarm";
  std::string audience = "swarm";
  std::chrono::milliseconds token_lifetime_max = std::chrono::minutes(15);
  std::chrono::milliseconds renewal_max = std::chrono::hours(24);
  std::string signing_key_file;  // PEM private key for tokens of our own
  std::string signing_key_id = "swarm";
};

/// How many connections the gRPC port takes. Loopback counts only in all.
struct ConnectionSettings {
  int max = 0;  // 0: as many as descriptors allow
  int per_peer_max = 2048;
  std::chrono::milliseconds idle_max = std::chrono::minutes(10);  // without a call in flight
};

struct SecuritySettings {
  TlsSettings tls;
  AuthSettings auth;
  ConnectionSettings connections;
};

/// Describes `tls.*`, `auth.*` and `connections.*`, the same in every service, and checks that they fit together.
void read_security(settings::Object& root, SecuritySettings& out);

/// A fault of `grpc` when `listen` is beyond loopback and calls would come unencrypted or from anybody. After read_security().
void check_exposure(settings::Object& root, const std::string& listen, const SecuritySettings& security);

/// An open guard without jwks_file and jwks_url. Fails when the file can't be read or a key in it is weak; nobody waits for the URL.
Result<std::unique_ptr<auth::Guard>> make_guard(auth::AccessTable table, const AuthSettings& settings, const Clock& clock);

/// Null without a signing key. Fails when the key can't be read.
Result<std::unique_ptr<auth::TokenMint>> make_token_mint(const AuthSettings& settings, const Clock& clock);

/// Plain-text credentials when TLS is off.
std::shared_ptr<grpc::ServerCredentials> server_credentials(const TlsSettings& settings);

/// For calls to other services: TLS with our certificate as the client's, and, with a signing key, a short-lived token of
/// our own (sub = service, role operator) on every call. Fails when the signing key can't be read. `clock` must outlive it.
Result<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(const SecuritySettings& settings,
                                                                      const std::string& service, const Clock& clock);

}  // namespace swarm::rpc

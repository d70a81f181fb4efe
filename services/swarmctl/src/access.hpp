#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "libs/auth/jwt.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace swarm::ctl {

/// How this run proves who it is and whom it believes. Files are read once.
struct AccessOptions {
  std::string ca_file;           // PEM roots of the servers; TLS is on when set
  std::string cert_file;         // PEM client certificate
  std::string key_file;          // its private key
  std::string server_name;       // that the server's certificate must carry instead of the address, e.g. behind a port-forward
  std::string token_file;        // a bearer token
  std::string signing_key_file;  // or the key to make a short-lived admin token with
  std::string signing_key_id = "swarm";
};

struct Access {
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  std::string authorization;  // "Bearer …" or empty
  std::string server_name;
  AccessOptions options;

  bool tls() const { return !options.ca_file.empty(); }
};

/// Error: InvalidArgument that names the flag and the file.
Result<Access> open_access(const AccessOptions& options, const Clock& clock);

/// What a new token says besides its times and id.
struct TokenRequest {
  std::string subject;
  std::string team;
  auth::Role role = auth::Role::Viewer;
  std::string issuer = "swarm";
  std::string audience = "swarm";
  std::string cert_fingerprint;
  std::chrono::milliseconds lifetime = std::chrono::minutes(15);
};

/// A signed token. The key is a PEM file.
Result<std::string> make_token(const TokenRequest& request, const std::string& key_file, const std::string& key_id,
                               const Clock& clock);

/// A file's text of at most 64 KiB.
Result<std::string> read_small_file(const std::string& flag, const std::string& path);

}  // namespace swarm::ctl

#include "access.hpp"

#include <fstream>

#include "libs/base/uuid.hpp"

namespace swarm::ctl {
namespace {

constexpr std::size_t kFileBytesMax = 64 << 10;

Error fault(const std::string& flag, const std::string& what) { return {Code::InvalidArgument, flag + ": " + what}; }

Result<std::shared_ptr<grpc::ChannelCredentials>> tls_credentials(const AccessOptions& options) {
  if (options.ca_file.empty()) {
    if (!options.cert_file.empty()) return fault("--cert-file", "needs --ca-file");
    return grpc::InsecureChannelCredentials();
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return fault("--cert-file", "--cert-file and --key-file go together");
  }
  grpc::SslCredentialsOptions ssl;
  BOOST_OUTCOME_TRY(ssl.pem_root_certs, read_small_file("--ca-file", options.ca_file));
  if (!options.cert_file.empty()) {
    BOOST_OUTCOME_TRY(ssl.pem_cert_chain, read_small_file("--cert-file", options.cert_file));
    BOOST_OUTCOME_TRY(ssl.pem_private_key, read_small_file("--key-file", options.key_file));
  }
  return grpc::SslCredentials(ssl);
}

Result<std::string> token_of(const AccessOptions& options, const Clock& clock) {
  if (!options.token_file.empty()) {
    BOOST_OUTCOME_TRY(auto token, read_small_file("--token-file", options.token_file));
    while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) token.pop_back();
    if (token.empty() || token.find_first_of(" \r\n\t") != std::string::npos) {
      return fault("--token-file", "holds no token: " + options.token_file);
    }
    return token;
  }
  if (options.signing_key_file.empty()) return "";
  TokenRequest request;
  request.subject = "swarmctl";
  request.role = auth::Role::Admin;
  return make_token(request, options.signing_key_file, options.signing_key_id, clock);
}

}  // namespace

Result<std::string> read_small_file(const std::string& flag, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) return fault(flag, "can't read " + path);
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kFileBytesMax) return fault(flag, "too large: " + path);
  return text;
}

Result<std::string> make_token(const TokenRequest& request, const std::string& key_file, const std::string& key_id,
                               const Clock& clock) {
  BOOST_OUTCOME_TRY(const auto pem, read_small_file("--signing-key-file", key_file));
  auto key = auth::PrivateKey::from_pem(pem, key_id);
  if (!key) return fault("--signing-key-file", key.error().message);
  const WallTime now = clock.wall_now();
  auth::Claims claims;
  claims.subject = request.subject;
  claims.team = request.team;
  claims.role = request.role;
  claims.issuer = request.issuer;
  claims.audience = {request.audience};
  claims.cert_fingerprint = request.cert_fingerprint;
  claims.id = uuid_v7(now);
  claims.issued_at = now;
  claims.expires_at = now + request.lifetime;
  return auth::sign(claims, key.value());
}

Result<Access> open_access(const AccessOptions& options, const Clock& clock) {
  Access access;
  access.options = options;
  BOOST_OUTCOME_TRY(access.credentials, tls_credentials(options));
  BOOST_OUTCOME_TRY(const auto token, token_of(options, clock));
  if (!token.empty()) access.authorization = "Bearer " + token;
  access.server_name = options.server_name;
  return access;
}

}  // namespace swarm::ctl

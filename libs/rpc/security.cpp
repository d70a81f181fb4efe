#include "libs/rpc/security.hpp"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "libs/auth/url_key_source.hpp"
#include "libs/base/uuid.hpp"
#include "libs/http/fetch.hpp"
#include "libs/rpc/certificate_files.hpp"
#include "libs/rpc/server.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::rpc {
namespace {

using grpc::experimental::CertificateProviderInterface;
using grpc::experimental::FileWatcherCertificateProvider;

constexpr unsigned kLookAtFilesSeconds = 60;
constexpr std::chrono::minutes kTokenLifetime{10};

std::shared_ptr<CertificateProviderInterface> certificates(const TlsSettings& tls) {
  if (tls.ca_file.empty()) {
    return std::make_shared<FileWatcherCertificateProvider>(tls.key_file, tls.cert_file, kLookAtFilesSeconds);
  }
  return std::make_shared<FileWatcherCertificateProvider>(tls.key_file, tls.cert_file, tls.ca_file, kLookAtFilesSeconds);
}

/// Puts a token of our own into each call and makes a new one when half its life is over.
class OwnToken final : public grpc::MetadataCredentialsPlugin {
 public:
  OwnToken(auth::PrivateKey key, auth::Claims claims, const Clock& clock)
      : key_(std::move(key)), claims_(std::move(claims)), clock_(clock) {}

  bool IsBlocking() const override { return false; }
  grpc::Status GetMetadata(grpc::string_ref, grpc::string_ref, const grpc::AuthContext&,
                           std::multimap<grpc::string, grpc::string>* metadata) override {
    metadata->emplace("authorization", token_.with([this](Token& token) { return "Bearer " + fresh(token); }));
    return grpc::Status::OK;
  }

 private:
  struct Token {
    std::string text;
    WallTime renew_at{};
  };

  const std::string& fresh(Token& token) {
    const auto now = clock_.wall_now();
    if (token.text.empty() || now >= token.renew_at) {
      auto claims = claims_;
      claims.id = uuid_v7(now);
      claims.issued_at = now;
      claims.expires_at = now + kTokenLifetime;
      token.text = auth::sign(claims, key_);
      token.renew_at = now + kTokenLifetime / 2;
    }
    return token.text;
  }

  auth::PrivateKey key_;
  auth::Claims claims_;
  const Clock& clock_;
  async::Guarded<Token> token_;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return Error{Code::NotFound, "can't read " + path};
  return text.str();
}

/// Whether a file is named and there; a fault when it is only named.
bool has_file(settings::Object& object, std::string_view key, const std::string& path) {
  if (path.empty()) return false;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) return true;
  object.fault(key, "no such file: " + path);
  return false;
}

void check_certificates(settings::Object& object, const TlsSettings& tls) {
  const auto check = [&](std::string_view key, const std::string& fault) {
    if (!fault.empty()) object.fault(key, fault);
  };
  if (has_file(object, "cert_file", tls.cert_file)) check("cert_file", fault_of_certificates(tls.cert_file));
  if (has_file(object, "key_file", tls.key_file)) check("key_file", fault_of_key(tls.key_file, tls.cert_file));
  if (has_file(object, "ca_file", tls.ca_file)) check("ca_file", fault_of_certificates(tls.ca_file));
}

/// Whoever can change the answer can be anybody: plain HTTP is for the loopback.
void check_jwks_url(settings::Object& object, const std::string& text) {
  const auto url = http::Url::parse(text);
  if (!url) {
    object.fault("jwks_url", url.error().message);
  } else if (!url.value().tls && !is_loopback(url.value().host)) {
    object.fault("jwks_url", "beyond the loopback keys are asked for by https only: " + text);
  }
}

std::unique_ptr<auth::KeySource> with_provider(std::unique_ptr<auth::KeySource> own, const AuthSettings& settings) {
  auto url = http::Url::parse(settings.jwks_url);
  if (!url) return own;  // refused by read_security
  http::FetchOptions options;
  options.ca_file = settings.jwks_ca_file;
  options.answer_bytes_max = 1 << 20;
  auto fetch = [url = std::move(url.value()), options](const std::stop_token& stop) -> Result<std::string> {
    auto bounded = options;
    bounded.stop = stop;
    BOOST_OUTCOME_TRY(auto answer, http::fetch(url, "", "", bounded));
    if (answer.status != 200) return Error{Code::Unavailable, "it answers with status " + std::to_string(answer.status)};
    return std::move(answer.body);
  };
  auto told = [where = settings.jwks_url, failing = false](const std::string& fault) mutable {
    if (std::exchange(failing, !fault.empty()) == failing) return;
    if (failing) {
      log::warn("keys of the identity provider can't be had; those known stay in force", {{"url", where}, {"why", fault}});
    } else {
      log::info("got the keys of the identity provider again", {{"url", where}});
    }
  };
  auth::UrlKeySource::Options keys;
  keys.issuer = settings.jwks_issuer.empty() ? settings.issuer : settings.jwks_issuer;
  keys.refresh = settings.jwks_refresh;
  return std::make_unique<auth::UrlKeySource>(std::move(own), std::move(keys), std::move(fetch), std::move(told));
}

}  // namespace

void read_security(settings::Object& root, SecuritySettings& out) {
  root.section("tls", "Certificates; without them the service listens on loopback only.", [&](settings::Object& o) {
    auto& tls = out.tls;
    o.value("cert_file", tls.cert_file, "PEM chain that this service shows to clients and peers.")
        .value("key_file", tls.key_file, "PEM private key of cert_file.")
        .value("ca_file", tls.ca_file, "PEM roots that clients' and peers' certificates must come from.")
        .value("require_client_cert", tls.require_client_cert, "Refuse gRPC clients without a certificate from ca_file.");
    if (tls.cert_file.empty() != tls.key_file.empty()) o.fault("cert_file", "cert_file and key_file go together");
    if (tls.require_client_cert && tls.ca_file.empty()) o.fault("require_client_cert", "needs ca_file");
    check_certificates(o, tls);
  });
  root.section("auth", "Who may call; without keys everybody on loopback is admin.", [&](settings::Object& o) {
    auto& auth = out.auth;
    o.value("jwks_file", auth.jwks_file, "Public keys (JWKS) of the tokens that are accepted.")
        .value("jwks_url", auth.jwks_url, "Where an identity provider publishes further keys, by https; asked again when a token names an unknown one, at most every 10 s.")
        .value("jwks_ca_file", auth.jwks_ca_file, "PEM roots that the provider's certificate must come from; empty: the machine's.")
        .value("jwks_issuer", auth.jwks_issuer, "Issuer that the provider's tokens must name; empty: auth.issuer.")
        .value("jwks_refresh", auth.jwks_refresh, "How often the provider is asked at least.", std::chrono::seconds(10), std::chrono::hours(24))
        .value("issuer", auth.issuer, "Issuer that tokens must name.")
        .value("audience", auth.audience, "Audience that tokens must name.")
        .value("token_lifetime_max", auth.token_lifetime_max, "Longest life of a token.", std::chrono::minutes(1), std::chrono::hours(24))
        .value("renewal_max", auth.renewal_max, "How long after its first issue a token may be renewed.", std::chrono::minutes(1), std::chrono::hours(24 * 366))
        .value("signing_key_file", auth.signing_key_file, "PEM private key for this service's own tokens towards its peers, and for those that it makes for others.")
        .value("signing_key_id", auth.signing_key_id, "Its kid in the JWKS file.");
    has_file(o, "jwks_file", auth.jwks_file);
    if (has_file(o, "jwks_ca_file", auth.jwks_ca_file)) {
      if (auto fault = fault_of_certificates(auth.jwks_ca_file); !fault.empty()) o.fault("jwks_ca_file", std::move(fault));
    }
    if (!auth.jwks_url.empty()) check_jwks_url(o, auth.jwks_url);
    if (auth.jwks_url.empty() && !auth.jwks_issuer.empty()) o.fault("jwks_issuer", "needs jwks_url");
    has_file(o, "signing_key_file", auth.signing_key_file);
  });
  root.section("connections", "How many clients the gRPC port takes; what is beyond is closed unserved.", [&](settings::Object& o) {
    o.value("max", out.connections.max, "In all; 0: as many as there are descriptors, less 128.", {0, 65'536})
        .value("per_peer_max", out.connections.per_peer_max,
               "From one IPv4 address or IPv6 /64, loopback excepted; 0: no limit. Raise it where many agents share an address.", {0, 65'536})
        .value("idle_max", out.connections.idle_max, "How long a connection is kept on which no call is in flight, whoever holds it; clients connect again by themselves.",
               std::chrono::seconds(1), std::chrono::hours(24));
  });
}

void check_exposure(settings::Object& root, const std::string& listen, const SecuritySettings& security) {
  if (is_loopback(listen) || (security.tls.enabled() && (!security.auth.jwks_file.empty() || !security.auth.jwks_url.empty()))) return;
  root.fault("grpc", "refusing to listen on " + listen + " without TLS and authentication; set tls.cert_file, tls.key_file and " +
                         "auth.jwks_file or auth.jwks_url, or listen on 127.0.0.1");
}

Result<std::unique_ptr<auth::Guard>> make_guard(auth::AccessTable table, const AuthSettings& settings, const Clock& clock) {
  if (settings.jwks_file.empty() && settings.jwks_url.empty()) return std::make_unique<auth::Guard>(std::move(table));
  std::unique_ptr<auth::KeySource> keys;
  if (!settings.jwks_file.empty()) {
    BOOST_OUTCOME_TRY(keys, auth::FileKeySource::open(settings.jwks_file, clock));
  }
  if (!settings.jwks_url.empty()) keys = with_provider(std::move(keys), settings);
  auth::Expectations expected;
  expected.issuer = settings.issuer;
  expected.audience = settings.audience;
  expected.lifetime_max = std::chrono::duration_cast<std::chrono::seconds>(settings.token_lifetime_max);
  return std::make_unique<auth::Guard>(std::move(table), std::move(keys), std::move(expected), clock);
}

Result<std::unique_ptr<auth::TokenMint>> make_token_mint(const AuthSettings& settings, const Clock& clock) {
  if (settings.signing_key_file.empty()) return nullptr;
  BOOST_OUTCOME_TRY(const auto pem, read_file(settings.signing_key_file));
  BOOST_OUTCOME_TRY(auto key, auth::PrivateKey::from_pem(pem, settings.signing_key_id));
  auth::TokenMint::Options options;
  options.issuer = settings.issuer;
  options.audience = settings.audience;
  options.lifetime_max = settings.token_lifetime_max;
  options.renewal_max = settings.renewal_max;
  return std::make_unique<auth::TokenMint>(std::move(key), std::move(options), clock);
}

std::shared_ptr<grpc::ServerCredentials> server_credentials(const TlsSettings& tls) {
  if (!tls.enabled()) return grpc::InsecureServerCredentials();
  grpc::experimental::TlsServerCredentialsOptions options(certificates(tls));
  options.watch_identity_key_cert_pairs();
  if (!tls.ca_file.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(tls.require_client_cert ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                          : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

Result<std::shared_ptr<grpc::ChannelCredentials>> channel_credentials(const SecuritySettings& settings,
                                                                      const std::string& service, const Clock& clock) {
  if (!settings.tls.enabled()) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(certificates(settings.tls));
  options.watch_identity_key_cert_pairs();
  if (!settings.tls.ca_file.empty()) options.watch_root_certs();
  auto credentials = grpc::experimental::TlsCredentials(options);
  if (settings.auth.signing_key_file.empty()) return credentials;
  BOOST_OUTCOME_TRY(const auto pem, read_file(settings.auth.signing_key_file));
  BOOST_OUTCOME_TRY(auto key, auth::PrivateKey::from_pem(pem, settings.auth.signing_key_id));
  auth::Claims claims;
  claims.subject = service;
  claims.role = auth::Role::Operator;
  claims.issuer = settings.auth.issuer;
  claims.audience = {settings.auth.audience};
  std::unique_ptr<grpc::MetadataCredentialsPlugin> plugin(new OwnToken(std::move(key), std::move(claims), clock));
  return grpc::CompositeChannelCredentials(credentials, grpc::MetadataCredentialsFromPlugin(std::move(plugin)));
}

}  // namespace swarm::rpc

#include "libs/auth/guard.hpp"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/server_context.h>
#include <grpcpp/security/auth_context.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

namespace swarm::auth {
namespace {

constexpr std::size_t kKnownTokensMax = 10'000;
constexpr std::string_view kBearer = "Bearer ";

std::string sha256(std::string_view bytes) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string_view view(grpc::string_ref text) { return {text.data(), text.size()}; }

}  // namespace

Guard::Guard(AccessTable table) : table_(std::move(table)) {}

Guard::Guard(AccessTable table, std::unique_ptr<KeySource> keys, Expectations expected, const Clock& clock)
    : table_(std::move(table)), keys_(std::move(keys)), expected_(std::move(expected)), clock_(&clock) {}

Result<Claims> Guard::verified(std::string_view token) {
  const auto now = clock_->wall_now();
  const auto id = sha256(token);
  const auto keys = keys_->keys();
  const auto remembered = known_.with([&](Known& known) -> std::optional<Claims> {
    if (known.keys != keys) {
      known.tokens.clear();
      known.keys = keys;
    }
    const auto it = known.tokens.find(id);
    if (it == known.tokens.end()) return std::nullopt;
    if (it->second.expires_at + expected_.leeway > now) return it->second;
    known.tokens.erase(it);
    return std::nullopt;
  });
  if (remembered) return *remembered;
  auto claims = verify(token, *keys, expected_, now);
  if (!claims) {
    if (keys->find(kid_of(token)) == nullptr) keys_->key_unknown();
    return claims.error();
  }
  known_.with([&](Known& known) {
    if (known.keys != keys) return;  // they have changed meanwhile
    if (known.tokens.size() >= kKnownTokensMax) known.tokens.clear();
    known.tokens.emplace(id, claims.value());
  });
  return claims;
}

Result<Principal> Guard::admit(std::string_view method, const Credentials& credentials) {
  const auto row = table_.find(method);
  if (row == table_.end()) return Error{Code::PermissionDenied, "no role may call " + std::string(method)};
  if (open()) return Principal{"anonymous", "", Role::Admin, false};
  if (credentials.authorization.substr(0, kBearer.size()) != kBearer) {
    return Error{Code::Unauthenticated, "a bearer token is needed; make one with: swarmctl token"};
  }
  BOOST_OUTCOME_TRY(const auto claims, verified(credentials.authorization.substr(kBearer.size())));
  if (!claims.cert_fingerprint.empty() && claims.cert_fingerprint != credentials.cert_fingerprint) {
    return Error{Code::Unauthenticated, "token refused: it is bound to another client certificate"};
  }
  if (!row->second.contains(claims.role)) {
    return Error{Code::PermissionDenied, "role " + std::string(name(claims.role)) + " may not call " + std::string(method)};
  }
  return Principal{claims.subject, claims.team, claims.role, true};
}

Result<Principal> Guard::admit(std::string_view method, const grpc::ServerContextBase& context) {
  if (open()) return admit(method, Credentials{});
  std::string fingerprint;
  const auto peer = context.auth_context();
  if (peer && peer->IsPeerAuthenticated()) {
    const auto certificates = peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (!certificates.empty()) fingerprint = fingerprint_of(view(certificates.front()));
  }
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find("authorization");
  const auto authorization = header == metadata.end() ? std::string_view() : view(header->second);
  return admit(method, Credentials{authorization, fingerprint});
}

std::string fingerprint_of(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  if (!certificate) return {};
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  unsigned int size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1) return {};
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

}  // namespace swarm::auth

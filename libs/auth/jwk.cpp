#include "libs/auth/jwk.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <boost/json.hpp>

#include "libs/auth/base64url.hpp"
#include "libs/base/check.hpp"

namespace swarm::auth {
namespace {

constexpr int kRsaBitsMin = 2048;
constexpr std::size_t kDocumentBytesMax = 1 << 20;
constexpr std::size_t kForeignKeysMax = 100;

struct FreeBignum { void operator()(BIGNUM* n) const { BN_free(n); } };
struct FreeBuilder { void operator()(OSSL_PARAM_BLD* b) const { OSSL_PARAM_BLD_free(b); } };
struct FreeParams { void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); } };
struct FreeContext { void operator()(EVP_PKEY_CTX* c) const { EVP_PKEY_CTX_free(c); } };
struct FreeBio { void operator()(BIO* b) const { BIO_free(b); } };
using Bignum = std::unique_ptr<BIGNUM, FreeBignum>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, FreeBuilder>;
using Context = std::unique_ptr<EVP_PKEY_CTX, FreeContext>;
using Bio = std::unique_ptr<BIO, FreeBio>;

Error bad_key(std::string_view id, std::string_view what) {
  return {Code::InvalidArgument, "key kid=" + std::string(id) + ": " + std::string(what)};
}

std::optional<std::string> member(const boost::json::object& jwk, std::string_view field) {
  const auto* value = jwk.if_contains(field);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::string> bytes_member(const boost::json::object& jwk, std::string_view field) {
  const auto text = member(jwk, field);
  return text ? base64url_decode(*text) : std::nullopt;
}

const unsigned char* raw(const std::string& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

EVP_PKEY* from_params(const char* type, OSSL_PARAM_BLD* builder) {
  const std::unique_ptr<OSSL_PARAM, FreeParams> params(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return key;
}

KeyHandle rsa_key(const boost::json::object& jwk) {
  const auto n = bytes_member(jwk, "n");
  const auto e = bytes_member(jwk, "e");
  if (!n || !e) return nullptr;
  const Bignum modulus(BN_bin2bn(raw(*n), static_cast<int>(n->size()), nullptr));
  const Bignum exponent(BN_bin2bn(raw(*e), static_cast<int>(e->size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return KeyHandle(from_params("RSA", builder.get()));
}

KeyHandle p256_key(const boost::json::object& jwk) {
  const auto x = bytes_member(jwk, "x");
  const auto y = bytes_member(jwk, "y");
  if (!x || !y || x->size() != 32 || y->size() != 32) return nullptr;
  const std::string point = '\x04' + *x + *y;  // uncompressed form, SEC 1, 2.3.3
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return KeyHandle(from_params("EC", builder.get()));
}

KeyHandle ed25519_key(const boost::json::object& jwk) {
  const auto x = bytes_member(jwk, "x");
  if (!x || x->size() != 32) return nullptr;
  return KeyHandle(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(*x), x->size()));
}

Result<PublicKey> parse_key(const boost::json::object& jwk) {
  const auto id = member(jwk, "kid");
  if (!id || id->empty()) return bad_key("?", "has no kid");
  const auto type = member(jwk, "kty").value_or("");
  const auto curve = member(jwk, "crv").value_or("");
  PublicKey out;
  out.id = *id;
  KeyHandle key;
  if (type == "RSA") {
    out.algorithm = Algorithm::RS256;
    key = rsa_key(jwk);
    if (key && EVP_PKEY_get_bits(key.get()) < kRsaBitsMin) return bad_key(*id, "RSA keys need 2048 bits or more");
  } else if (type == "EC" && curve == "P-256") {
    key = p256_key(jwk);
  } else if (type == "OKP" && curve == "Ed25519") {
    out.algorithm = Algorithm::EdDSA;
    key = ed25519_key(jwk);
  } else {
    return bad_key(*id, "unsupported kty=" + type + " crv=" + curve + "; RSA, EC P-256 and OKP Ed25519 are supported");
  }
  if (!key) return bad_key(*id, "its numbers are missing or malformed");
  const auto algorithm = member(jwk, "alg");
  if (algorithm && *algorithm != name(out.algorithm)) return bad_key(*id, "alg=" + *algorithm + " does not fit kty=" + type);
  out.key = std::shared_ptr<EVP_PKEY>(key.release(), FreeKey{});
  return out;
}

Result<boost::json::array> keys_in(std::string_view jwks_json) {
  if (jwks_json.size() > kDocumentBytesMax) return Error{Code::InvalidArgument, "the JWKS document is over 1 MiB"};
  boost::system::error_code failed;
  auto document = boost::json::parse(jwks_json, failed);
  if (failed || !document.is_object()) return Error{Code::InvalidArgument, "the JWKS document is not a JSON object"};
  auto* list = document.get_object().if_contains("keys");
  if (list == nullptr || !list->is_array()) return Error{Code::InvalidArgument, "the JWKS document has no array \"keys\""};
  return std::move(list->get_array());
}

bool for_signatures(const boost::json::value& entry) {
  return entry.is_object() && member(entry.get_object(), "use").value_or("sig") == "sig";
}

}  // namespace

std::string_view name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::RS256: return "RS256";
    case Algorithm::ES256: return "ES256";
    case Algorithm::EdDSA: return "EdDSA";
  }
  return "";
}

Result<KeySet> KeySet::parse(std::string_view jwks_json) {
  BOOST_OUTCOME_TRY(const auto list, keys_in(jwks_json));
  KeySet set;
  for (const auto& entry : list) {
    if (!entry.is_object()) return Error{Code::InvalidArgument, "a member of \"keys\" is not an object"};
    if (!for_signatures(entry)) continue;
    BOOST_OUTCOME_TRY(auto key, parse_key(entry.get_object()));
    if (set.find(key.id) != nullptr) return bad_key(key.id, "is there twice");
    set.keys_.push_back(std::move(key));
  }
  return set;
}

Result<KeySet> KeySet::parse_foreign(std::string_view jwks_json, const std::string& issuer) {
  BOOST_OUTCOME_TRY(const auto list, keys_in(jwks_json));
  if (list.size() > kForeignKeysMax) return Error{Code::InvalidArgument, "the JWKS document has over 100 keys"};
  KeySet set;
  for (const auto& entry : list) {
    if (!for_signatures(entry)) continue;
    auto key = parse_key(entry.get_object());
    if (!key || set.find(key.value().id) != nullptr) continue;
    key.value().issuer = issuer;
    set.keys_.push_back(std::move(key.value()));
  }
  return set;
}

KeySet KeySet::joined_with(const KeySet& theirs) const {
  KeySet set = *this;
  for (const auto& key : theirs.keys_) {
    if (find(key.id) == nullptr) set.keys_.push_back(key);
  }
  return set;
}

const PublicKey* KeySet::find(std::string_view id) const {
  for (const auto& key : keys_) {
    if (key.id == id) return &key;
  }
  return nullptr;
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem, std::string id) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PrivateKey out{std::move(id), Algorithm::ES256, KeyHandle(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr))};
  if (!out.key) return Error{Code::InvalidArgument, "the signing key is not a PEM private key"};
  switch (EVP_PKEY_get_base_id(out.key.get())) {
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(out.key.get()) < kRsaBitsMin) return bad_key(out.id, "RSA keys need 2048 bits or more");
      out.algorithm = Algorithm::RS256;
      break;
    case EVP_PKEY_ED25519: out.algorithm = Algorithm::EdDSA; break;
    case EVP_PKEY_EC:
      if (EVP_PKEY_get_bits(out.key.get()) != 256) return bad_key(out.id, "of the elliptic curves only P-256 is supported");
      break;
    default: return bad_key(out.id, "only RSA, EC P-256 and Ed25519 keys sign tokens");
  }
  return out;
}

PrivateKey PrivateKey::generate(std::string id) {
  PrivateKey out{std::move(id), Algorithm::ES256, KeyHandle(EVP_EC_gen("P-256"))};
  SWARM_CHECK(out.key != nullptr, "OpenSSL made no P-256 key");
  return out;
}

std::string PrivateKey::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string PrivateKey::jwk_json() const {
  const auto number = [this](const char* parameter, int width) {
    BIGNUM* n = nullptr;
    SWARM_CHECK(EVP_PKEY_get_bn_param(key.get(), parameter, &n) == 1, "the key has no such number");
    const Bignum owned(n);
    std::string bytes(static_cast<std::size_t>(width > 0 ? width : BN_num_bytes(n)), '\0');
    BN_bn2binpad(n, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    return base64url_encode(bytes);
  };
  boost::json::object jwk{{"kid", id}, {"use", "sig"}, {"alg", name(algorithm)}};
  if (algorithm == Algorithm::RS256) {
    jwk["kty"] = "RSA";
    jwk["n"] = number(OSSL_PKEY_PARAM_RSA_N, 0);
    jwk["e"] = number(OSSL_PKEY_PARAM_RSA_E, 0);
  } else if (algorithm == Algorithm::ES256) {
    jwk["kty"] = "EC";
    jwk["crv"] = "P-256";
    jwk["x"] = number(OSSL_PKEY_PARAM_EC_PUB_X, 32);
    jwk["y"] = number(OSSL_PKEY_PARAM_EC_PUB_Y, 32);
  } else {
    std::string bytes(32, '\0');
    std::size_t size = bytes.size();
    EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size);
    jwk["kty"] = "OKP";
    jwk["crv"] = "Ed25519";
    jwk["x"] = base64url_encode(bytes);
  }
  return boost::json::serialize(jwk);
}

}  // namespace swarm::auth

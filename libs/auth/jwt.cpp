#include "libs/auth/jwt.hpp"

#include <openssl/ecdsa.h>

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <set>

#include "libs/auth/base64url.hpp"
#include "libs/auth/payload.hpp"
#include "libs/base/check.hpp"

namespace swarm::auth {
namespace {

constexpr std::size_t kTokenBytesMax = 8192;
constexpr std::size_t kEs256Bytes = 64;  // R and S of 32 bytes each (RFC 7518, 3.4)

struct FreeDigest { void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); } };
struct FreeSignature { void operator()(ECDSA_SIG* s) const { ECDSA_SIG_free(s); } };
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;
using EcSignature = std::unique_ptr<ECDSA_SIG, FreeSignature>;

Error refused(std::string why) { return {Code::Unauthenticated, "token refused: " + std::move(why)}; }

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
const EVP_MD* digest_of(Algorithm algorithm) { return algorithm == Algorithm::EdDSA ? nullptr : EVP_sha256(); }

/// Boost.JSON keeps the last of repeated names; a token that another reader could read differently is refused, so names
/// are counted while they are parsed.
struct NameCounter {
  static constexpr std::size_t max_object_size = 256, max_array_size = 256, max_key_size = 256, max_string_size = 8192;
  std::vector<std::set<std::string>> open;
  std::string key;
  bool repeated = false;

  using Error = boost::system::error_code;
  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { open.emplace_back(); return true; }
  bool on_object_end(std::size_t, Error&) { open.pop_back(); return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(std::size_t, Error&) { return true; }
  bool on_key_part(boost::json::string_view part, std::size_t, Error&) { key.append(part); return true; }
  bool on_key(boost::json::string_view part, std::size_t, Error&) {
    key.append(part);
    repeated = repeated || !open.back().insert(key).second;
    key.clear();
    return true;
  }
  bool on_string_part(boost::json::string_view, std::size_t, Error&) { return true; }
  bool on_string(boost::json::string_view, std::size_t, Error&) { return true; }
  bool on_number_part(boost::json::string_view, Error&) { return true; }
  bool on_int64(std::int64_t, boost::json::string_view, Error&) { return true; }
  bool on_uint64(std::uint64_t, boost::json::string_view, Error&) { return true; }
  bool on_double(double, boost::json::string_view, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(boost::json::string_view, Error&) { return true; }
  bool on_comment(boost::json::string_view, Error&) { return true; }
};

Result<boost::json::object> parse_part(std::string_view encoded, std::string_view what) {
  const auto text = base64url_decode(encoded);
  if (!text) return refused(std::string(what) + " is not base64url");
  boost::system::error_code failed;
  auto value = boost::json::parse(*text, failed);
  if (failed || !value.is_object()) return refused(std::string(what) + " is not a JSON object");
  boost::json::basic_parser<NameCounter> names{boost::json::parse_options{}};
  names.write_some(false, text->data(), text->size(), failed);
  if (failed || names.handler().repeated) return refused(std::string(what) + " repeats a name");
  return std::move(value.get_object());
}

std::string text_of(const boost::json::object& object, std::string_view field) {
  const auto* value = object.if_contains(field);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// Seconds since 1970; nothing when absent, not a number, or beyond what a clock can hold.
std::optional<WallTime> time_of(const boost::json::object& object, std::string_view field) {
  const auto* value = object.if_contains(field);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code failed;
  const double seconds = value->to_number<double>(failed);
  if (failed || !(seconds >= 0 && seconds < 9e9)) return std::nullopt;
  return WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

std::string der_of(std::string_view raw_signature) {
  const EcSignature signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(raw(raw_signature), 32, nullptr);
  BIGNUM* s = BN_bin2bn(raw(raw_signature) + 32, 32, nullptr);
  ECDSA_SIG_set0(signature.get(), r, s);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool signature_holds(const PublicKey& key, std::string_view signed_part, std::string signature) {
  if (key.algorithm == Algorithm::ES256) {
    if (signature.size() != kEs256Bytes) return false;
    signature = der_of(signature);
  }
  const Digest context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, digest_of(key.algorithm), nullptr, key.key.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(signed_part), signed_part.size()) == 1;
}

Result<const PublicKey*> key_for(const boost::json::object& header, const KeySet& keys) {
  if (header.contains("crit")) return refused("crit is not supported");
  const auto type = text_of(header, "typ");
  if (header.contains("typ") && type != "JWT" && type != "at+jwt") return refused("typ is neither JWT nor at+jwt");
  const auto id = text_of(header, "kid");
  if (id.empty()) return refused("it names no kid");
  const PublicKey* key = keys.find(id);
  if (key == nullptr) return refused("unknown kid=" + id);
  if (text_of(header, "alg") != name(key->algorithm)) return refused("its alg is not that of kid=" + id);
  return key;
}

Result<void> check_times(const Claims& claims, std::optional<WallTime> not_before, const Expectations& expected, WallTime now) {
  if (now >= claims.expires_at + expected.leeway) return refused("it has expired; get a new one");
  if (not_before && now + expected.leeway < *not_before) return refused("it is not valid yet");
  if (now + expected.leeway < claims.issued_at) return refused("it was issued in the future; compare the clocks");
  if (claims.expires_at - claims.issued_at > expected.lifetime_max) return refused("it lives longer than is allowed here");
  return outcome::success();
}

std::vector<std::string> audience_of(const boost::json::object& payload) {
  std::vector<std::string> out;
  const auto* value = payload.if_contains("aud");
  if (value == nullptr) return out;
  if (value->is_string()) out.emplace_back(value->get_string());
  if (value->is_array()) {
    for (const auto& entry : value->get_array()) {
      if (entry.is_string()) out.emplace_back(entry.get_string());
    }
  }
  return out;
}

Result<Claims> read_claims(const boost::json::object& payload) {
  Claims claims;
  claims.subject = text_of(payload, "sub");
  claims.team = text_of(payload, "team");
  claims.issuer = text_of(payload, "iss");
  claims.id = text_of(payload, "jti");
  claims.cert_fingerprint = text_of(payload, "cert_fingerprint");
  claims.audience = audience_of(payload);
  const auto expires = time_of(payload, "exp");
  const auto issued = time_of(payload, "iat");
  if (!expires || !issued) return refused("exp and iat are required");
  claims.expires_at = *expires;
  claims.issued_at = *issued;
  if (claims.subject.empty()) return refused("sub is required");
  if (payload.contains("role")) {
    const auto role = parse_role(text_of(payload, "role"));
    if (!role) return refused("unknown role");
    claims.role = *role;
  }
  return claims;
}

}  // namespace

Result<Claims> verify(std::string_view token, const KeySet& keys, const Expectations& expected, WallTime now) {
  if (token.size() > kTokenBytesMax) return refused("it is over 8 KiB");
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return refused("it has not three parts");
  }
  BOOST_OUTCOME_TRY(const auto header, parse_part(token.substr(0, first), "its header"));
  BOOST_OUTCOME_TRY(const PublicKey* key, key_for(header, keys));
  const auto signature = base64url_decode(token.substr(second + 1));
  if (!signature || !signature_holds(*key, token.substr(0, second), *signature)) return refused("its signature does not hold");
  BOOST_OUTCOME_TRY(const auto payload, parse_part(token.substr(first + 1, second - first - 1), "its payload"));
  BOOST_OUTCOME_TRY(auto claims, read_claims(payload));
  if (claims.issuer != (key->issuer.empty() ? expected.issuer : key->issuer)) return refused("it comes from another issuer");
  if (std::find(claims.audience.begin(), claims.audience.end(), expected.audience) == claims.audience.end()) {
    return refused("it is meant for another audience");
  }
  const auto not_before = time_of(payload, "nbf");
  if (payload.contains("nbf") && !not_before) return refused("nbf is not a time");
  BOOST_OUTCOME_TRY(check_times(claims, not_before, expected, now));
  return claims;
}

std::string kid_of(std::string_view token) {
  if (token.size() > kTokenBytesMax) return {};
  const auto header = parse_part(token.substr(0, token.find('.')), "its header");
  return header ? text_of(header.value(), "kid") : std::string();
}

std::string sign(const Claims& claims, const PrivateKey& key) {
  const auto seconds = [](WallTime t) { return unix_ms(t) / 1000; };
  boost::json::object payload{{"sub", claims.subject}, {"role", name(claims.role)},      {"iss", claims.issuer},
                              {"iat", seconds(claims.issued_at)}, {"exp", seconds(claims.expires_at)}};
  if (claims.audience.size() == 1) payload["aud"] = claims.audience.front();
  else payload["aud"] = boost::json::array(claims.audience.begin(), claims.audience.end());
  if (!claims.team.empty()) payload["team"] = claims.team;
  if (!claims.id.empty()) payload["jti"] = claims.id;
  if (!claims.cert_fingerprint.empty()) payload["cert_fingerprint"] = claims.cert_fingerprint;
  return sign_payload(payload, key);
}

std::string sign_payload(const boost::json::object& payload, const PrivateKey& key) {
  const boost::json::object header{{"alg", name(key.algorithm)}, {"kid", key.id}, {"typ", "JWT"}};
  const std::string signed_part =
      base64url_encode(boost::json::serialize(header)) + '.' + base64url_encode(boost::json::serialize(payload));

  const Digest context(EVP_MD_CTX_new());
  std::size_t size = 0;
  const auto* data = raw(signed_part);
  SWARM_CHECK(EVP_DigestSignInit(context.get(), nullptr, digest_of(key.algorithm), nullptr, key.key.get()) == 1 &&
                  EVP_DigestSign(context.get(), nullptr, &size, data, signed_part.size()) == 1,
              "the key can't sign");
  std::string signature(size, '\0');
  SWARM_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                             signed_part.size()) == 1, "the key can't sign");
  signature.resize(size);
  if (key.algorithm == Algorithm::ES256) {
    const auto* der = raw(signature);
    const EcSignature parsed(d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(signature.size())));
    std::string fixed(kEs256Bytes, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), reinterpret_cast<unsigned char*>(fixed.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), reinterpret_cast<unsigned char*>(fixed.data()) + 32, 32);
    signature = std::move(fixed);
  }
  return signed_part + '.' + base64url_encode(signature);
}

}  // namespace swarm::auth

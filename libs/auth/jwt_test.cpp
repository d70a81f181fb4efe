#include "libs/auth/jwt.hpp"

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "libs/auth/base64url.hpp"

using namespace swarm;
using namespace swarm::auth;
using namespace std::chrono_literals;

namespace {

const WallTime kNow(std::chrono::seconds(1'800'000'000));
const Expectations kExpected{"https://issuer", "orchestrator", 30s, 900s};

PrivateKey make_key(Algorithm algorithm) {
  if (algorithm == Algorithm::ES256) return PrivateKey::generate("k1");
  EVP_PKEY* raw = algorithm == Algorithm::RS256 ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  return PrivateKey{"k1", algorithm, KeyHandle(raw)};
}

KeySet set_of(const PrivateKey& key) { return KeySet::parse("{\"keys\":[" + key.jwk_json() + "]}").value(); }

Claims good_claims() {
  Claims claims;
  claims.subject = "coder-1";
  claims.team = "blue";
  claims.role = Role::Agent;
  claims.issuer = "https://issuer";
  claims.audience = {"orchestrator"};
  claims.issued_at = kNow;
  claims.expires_at = kNow + 600s;
  return claims;
}

/// A token with a header and payload of our own making, signed properly.
std::string forge(const std::string& header, const std::string& payload, const PrivateKey& key) {
  const std::string part = base64url_encode(header) + "." + base64url_encode(payload);
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.key.get());
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  const auto* data = reinterpret_cast<const unsigned char*>(part.data());
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, part.size());
  return part + "." + base64url_encode(signature);
}

std::string why(const Result<Claims>& result) { return result ? "accepted" : result.error().message; }

}  // namespace

TEST_CASE("a signed token comes back with its claims, for every algorithm", "[jwt]") {
  for (const auto algorithm : {Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA}) {
    const auto key = make_key(algorithm);
    const auto claims = verify(sign(good_claims(), key), set_of(key), kExpected, kNow);
    REQUIRE(claims.has_value());
    CHECK(claims.value().subject == "coder-1");
    CHECK(claims.value().team == "blue");
    CHECK(claims.value().role == Role::Agent);
  }
}

TEST_CASE("no byte of a token can be changed", "[jwt]") {
  const auto key = make_key(Algorithm::ES256);
  const auto keys = set_of(key);
  const auto token = sign(good_claims(), key);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    INFO("byte " << i);
    CHECK_FALSE(verify(changed, keys, kExpected, kNow).has_value());
  }
}

TEST_CASE("the algorithm belongs to the key: none and confusion are refused", "[jwt]") {
  const auto key = make_key(Algorithm::EdDSA);
  const auto keys = set_of(key);
  const auto payload = R"({"sub":"a","iss":"https://issuer","aud":"orchestrator","iat":1800000000,"exp":1800000600})";
  CHECK(why(verify(forge(R"({"alg":"EdDSA","kid":"k1"})", payload, key), keys, kExpected, kNow)) == "accepted");
  for (const char* header : {R"({"alg":"none","kid":"k1"})", R"({"alg":"HS256","kid":"k1"})", R"({"alg":"ES256","kid":"k1"})",
                             R"({"kid":"k1"})", R"({"alg":"EdDSA"})", R"({"alg":"EdDSA","kid":"k2"})",
                             R"({"alg":"EdDSA","kid":"k1","crit":["b64"]})", R"({"alg":"EdDSA","kid":"k1","typ":"secevent+jwt"})",
                             R"({"alg":"EdDSA","kid":"k1","kid":"k1"})"}) {
    INFO(header);
    CHECK_FALSE(verify(forge(header, payload, key), keys, kExpected, kNow).has_value());
  }
  const auto unsigned_token = base64url_encode(R"({"alg":"none","kid":"k1"})") + "." + base64url_encode(payload) + ".";
  CHECK_FALSE(verify(unsigned_token, keys, kExpected, kNow).has_value());
}

TEST_CASE("times, issuer and audience are checked with a leeway", "[jwt]") {
  const auto key = make_key(Algorithm::ES256);
  const auto keys = set_of(key);
  const auto verdict = [&](auto change, WallTime now = kNow) {
    auto claims = good_claims();
    change(claims);
    return why(verify(sign(claims, key), keys, kExpected, now));
  };
  const auto nothing = [](Claims&) {};
  CHECK(verdict(nothing, kNow + 629s) == "accepted");
  CHECK(verdict(nothing, kNow + 631s) == "token refused: it has expired; get a new one");
  CHECK(verdict(nothing, kNow - 29s) == "accepted");
  CHECK(verdict(nothing, kNow - 31s) == "token refused: it was issued in the future; compare the clocks");
  CHECK(verdict([](Claims& c) { c.expires_at = kNow + 901s; }) == "token refused: it lives longer than is allowed here");
  CHECK(verdict([](Claims& c) { c.issuer = "https://issuer/"; }) == "token refused: it comes from another issuer");
  CHECK(verdict([](Claims& c) { c.audience = {"analyst"}; }) == "token refused: it is meant for another audience");
  CHECK(verdict([](Claims& c) { c.audience = {"analyst", "orchestrator"}; }) == "accepted");
  CHECK(verdict([](Claims& c) { c.subject.clear(); }) == "token refused: sub is required");
}

TEST_CASE("weak, repeated and nameless keys are refused by name", "[jwk]") {
  const PrivateKey weak{"small", Algorithm::RS256, KeyHandle(EVP_RSA_gen(1024))};
  const auto refused = [](const std::string& jwks) { return KeySet::parse(jwks).error().message; };
  CHECK(refused("{\"keys\":[" + weak.jwk_json() + "]}") == "key kid=small: RSA keys need 2048 bits or more");
  const auto key = make_key(Algorithm::ES256).jwk_json();
  CHECK(refused("{\"keys\":[" + key + "," + key + "]}") == "key kid=k1: is there twice");
  CHECK(refused(R"({"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]})").find("unsupported kty=oct") != std::string::npos);
  CHECK(refused("[]") == "the JWKS document is not a JSON object");
  CHECK(KeySet::parse(R"({"keys":[{"kty":"RSA","use":"enc","kid":"e"}]})").value().size() == 0);
}

TEST_CASE("hostile tokens are refused and never crash", "[jwt]") {
  const auto keys = set_of(make_key(Algorithm::ES256));
  const std::vector<std::string> tokens{"", ".", "..", "...", "a.b.c", "e30.e30.e30", "e30.e30.", std::string(9000, 'a')};
  for (const auto& token : tokens) {
    CHECK_FALSE(verify(token, keys, kExpected, kNow).has_value());
  }
}

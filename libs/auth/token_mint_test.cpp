#include "libs/auth/token_mint.hpp"

#include <catch2/catch.hpp>

#include "libs/auth/jwt.hpp"
#include "libs/testing/fake_clock.hpp"

using namespace swarm;
using namespace swarm::auth;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  testing::FakeClock clock;
  PrivateKey key = PrivateKey::generate("k");
  KeySet keys = KeySet::parse("{\"keys\":[" + key.jwk_json() + "]}").value();
  TokenMint mint{PrivateKey::from_pem(key.pem(), "k").value(), {"swarm", "swarm", 15min, 1h}, clock};

  Claims read(const std::string& token) { return verify(token, keys, {"swarm", "swarm"}, clock.wall_now()).value(); }
  Principal bearer(const std::string& token) {
    const auto claims = read(token);
    return {claims.subject, claims.team, claims.role, true};
  }
};

const Principal kOperator{"ann", "", Role::Operator, true};
const Principal kAdmin{"root", "", Role::Admin, true};

}  // namespace

TEST_CASE_METHOD(Fixture, "a minted token holds what was wished, as long as is allowed", "[auth][mint]") {
  const auto made = mint.mint(kOperator, {"coder-1", Role::Agent, "red", std::string(64, 'a'), 0ms});
  REQUIRE(made);
  const auto claims = read(made.value().token);
  CHECK(claims.subject == "coder-1");
  CHECK(claims.team == "red");
  CHECK(claims.role == Role::Agent);
  CHECK(claims.cert_fingerprint == std::string(64, 'a'));
  CHECK(claims.expires_at - claims.issued_at == 15min);
}

TEST_CASE_METHOD(Fixture, "nobody mints more than he may", "[auth][mint]") {
  CHECK(mint.mint(kOperator, {"x", Role::Operator, "", "", 0ms}).error().code == Code::PermissionDenied);
  CHECK(mint.mint(kOperator, {"x", Role::Admin, "", "", 0ms}).error().code == Code::PermissionDenied);
  CHECK(mint.mint(kAdmin, {"x", Role::Admin, "", "", 0ms}));
  CHECK(mint.mint(kAdmin, {"", Role::Agent, "", "", 0ms}).error().code == Code::InvalidArgument);
  CHECK(mint.mint(kAdmin, {"x", Role::Agent, "", "AB", 0ms}).error().code == Code::InvalidArgument);
  CHECK(mint.mint(kAdmin, {"x", Role::Agent, "", "", 16min}).error().code == Code::InvalidArgument);
  CHECK(mint.mint(kAdmin, {"x", Role::Agent, "", "", -1ms}).error().code == Code::InvalidArgument);
}

TEST_CASE_METHOD(Fixture, "renewals keep who it is, and end some time after the first issue", "[auth][mint]") {
  auto token = mint.mint(kOperator, {"coder-1", Role::Agent, "red", std::string(64, 'b'), 0ms}).value().token;
  const auto first = read(token).issued_at;
  for (int i = 0; i < 5; ++i) {
    clock.advance(10min);
    const auto next = mint.renew(bearer(token), token, 0ms);
    REQUIRE(next);
    token = next.value().token;
    const auto claims = read(token);
    CHECK(claims.subject == "coder-1");
    CHECK(claims.team == "red");
    CHECK(claims.role == Role::Agent);
    CHECK(claims.cert_fingerprint == std::string(64, 'b'));
    CHECK(claims.expires_at <= first + 1h);
  }
  clock.advance(10min);
  CHECK(mint.renew(bearer(token), token, 0ms).error().code == Code::Unauthenticated);
  CHECK(mint.renew(Principal{"anonymous", "", Role::Admin, false}, token, 0ms).error().code == Code::FailedPrecondition);
}

TEST_CASE_METHOD(Fixture, "a token of another issuer is renewed there, not here", "[auth][mint]") {
  Claims claims = read(mint.mint(kOperator, {"coder-1", Role::Agent, "red", "", 0ms}).value().token);
  claims.issuer = "https://id";
  const Principal bearer{claims.subject, claims.team, claims.role, true};
  CHECK(mint.renew(bearer, sign(claims, key), 0ms).error().code == Code::FailedPrecondition);
}

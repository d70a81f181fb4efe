#include "libs/auth/guard.hpp"

#include <catch2/catch.hpp>

#include <fstream>

#include "libs/testing/fake_clock.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::auth;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  swarm::testing::FakeClock clock;
  swarm::testing::TempDir dir;
  PrivateKey key = PrivateKey::generate("k1");

  void write_keys(const std::vector<const PrivateKey*>& keys) {
    std::string text;
    for (const auto* k : keys) text += (text.empty() ? "" : ",") + k->jwk_json();
    std::ofstream(dir.path() / "jwks.json") << "{\"keys\":[" << text << "]}";
  }
  Guard guard() {
    return Guard({{"/s/Read", {Role::Viewer, Role::Agent}}, {"/s/Halt", {Role::Operator}}},
                 FileKeySource::open(dir.path() / "jwks.json", clock).value(), {"me", "us", 30s, 900s}, clock);
  }
  std::string token(Role role, const PrivateKey& with, std::string fingerprint = "") {
    Claims claims;
    claims.subject = "someone";
    claims.role = role;
    claims.issuer = "me";
    claims.audience = {"us"};
    claims.cert_fingerprint = std::move(fingerprint);
    claims.issued_at = clock.wall_now();
    claims.expires_at = clock.wall_now() + 600s;
    return "Bearer " + sign(claims, with);
  }
};

Code code_of(const Result<Principal>& result) { return result ? Code{} : result.error().code; }

}  // namespace

TEST_CASE("a role reaches what its row names, and admin everything", "[guard]") {
  Fixture f;
  f.write_keys({&f.key});
  auto guard = f.guard();
  const auto agent = f.token(Role::Agent, f.key);
  const auto admin = f.token(Role::Admin, f.key);
  CHECK(guard.admit("/s/Read", Credentials{agent, ""}).value().subject == "someone");
  CHECK(code_of(guard.admit("/s/Halt", Credentials{agent, ""})) == Code::PermissionDenied);
  CHECK(guard.admit("/s/Halt", Credentials{admin, ""}).has_value());
  CHECK(code_of(guard.admit("/s/Unlisted", Credentials{admin, ""})) == Code::PermissionDenied);
  CHECK(code_of(guard.admit("/s/Read", Credentials{"", ""})) == Code::Unauthenticated);
  CHECK(code_of(guard.admit("/s/Read", Credentials{"Basic abc", ""})) == Code::Unauthenticated);
}

TEST_CASE("a remembered token still expires", "[guard]") {
  Fixture f;
  f.write_keys({&f.key});
  auto guard = f.guard();
  const auto token = f.token(Role::Agent, f.key);
  CHECK(guard.admit("/s/Read", Credentials{token, ""}).has_value());
  f.clock.advance(631s);
  CHECK(code_of(guard.admit("/s/Read", Credentials{token, ""})) == Code::Unauthenticated);
}

TEST_CASE("a bound token is worth nothing with another certificate", "[guard]") {
  Fixture f;
  f.write_keys({&f.key});
  auto guard = f.guard();
  const std::string mine(64, 'a');
  const auto token = f.token(Role::Agent, f.key, mine);
  CHECK(guard.admit("/s/Read", Credentials{token, mine}).has_value());
  CHECK(code_of(guard.admit("/s/Read", Credentials{token, std::string(64, 'b')})) == Code::Unauthenticated);
  CHECK(code_of(guard.admit("/s/Read", Credentials{token, ""})) == Code::Unauthenticated);
}

TEST_CASE("rotated keys are taken up, and a broken file keeps the last good ones", "[guard]") {
  Fixture f;
  f.write_keys({&f.key});
  auto guard = f.guard();
  const auto next = PrivateKey::generate("k2");
  const auto token = f.token(Role::Agent, next);
  CHECK_FALSE(guard.admit("/s/Read", Credentials{token, ""}).has_value());
  f.write_keys({&f.key, &next});
  f.clock.advance(2s);
  CHECK(guard.admit("/s/Read", Credentials{token, ""}).has_value());
  std::ofstream(f.dir.path() / "jwks.json") << "{\"keys\": [ha";
  f.clock.advance(2s);
  CHECK(guard.fault().empty());
  CHECK(guard.admit("/s/Read", Credentials{f.token(Role::Viewer, next), ""}).has_value());
  CHECK(guard.fault().find("jwks.json") != std::string::npos);
}

TEST_CASE("a key that is withdrawn counts no more, not even for tokens that were seen before", "[guard]") {
  Fixture f;
  const auto next = PrivateKey::generate("k2");
  f.write_keys({&f.key, &next});
  auto guard = f.guard();
  const auto token = f.token(Role::Agent, f.key);
  CHECK(guard.admit("/s/Read", Credentials{token, ""}).has_value());
  f.write_keys({&next});
  f.clock.advance(2s);
  CHECK(code_of(guard.admit("/s/Read", Credentials{token, ""})) == Code::Unauthenticated);
}

TEST_CASE("the open guard admits listed calls only, and says that nobody proved anything", "[guard]") {
  Guard guard(AccessTable{{"/s/Read", {Role::Viewer}}});
  const auto principal = guard.admit("/s/Read", Credentials{});
  CHECK(principal.value().role == Role::Admin);
  CHECK_FALSE(principal.value().authenticated);
  CHECK_FALSE(guard.admit("/s/Other", Credentials{}).has_value());
}

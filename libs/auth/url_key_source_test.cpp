#include "libs/auth/url_key_source.hpp"

#include <atomic>
#include <catch2/catch.hpp>

#include "libs/auth/jwt.hpp"
#include "libs/testing/eventually.hpp"

using namespace swarm;
using namespace swarm::auth;
using swarm::testing::eventually;
using namespace std::chrono_literals;

namespace {

/// Keys that stay as they are.
class FixedKeys final : public KeySource {
 public:
  explicit FixedKeys(const std::string& jwks) : keys_(std::make_shared<const KeySet>(KeySet::parse(jwks).value())) {}
  std::shared_ptr<const KeySet> keys() override { return keys_; }

 private:
  std::shared_ptr<const KeySet> keys_;
};

std::string jwks(const std::vector<const PrivateKey*>& keys, const std::string& more = {}) {
  std::string text = more;
  for (const auto* key : keys) text += (text.empty() ? "" : ",") + key->jwk_json();
  return "{\"keys\":[" + text + "]}";
}

struct Provider {
  Result<std::string> fetch(const std::stop_token&) {
    ++asked;
    return answer.with([](const std::string& text) -> Result<std::string> {
      if (text.empty()) return Error{Code::Unavailable, "away"};
      return text;
    });
  }
  std::unique_ptr<UrlKeySource> source(std::unique_ptr<KeySource> own = nullptr) {
    return std::make_unique<UrlKeySource>(std::move(own), UrlKeySource::Options{"https://id", 1h, 20ms}, [this](const std::stop_token& stop) { return fetch(stop); },
                                          [this](const std::string& fault) { failing = !fault.empty(); });
  }
  async::Guarded<std::string> answer;
  std::atomic<int> asked = 0;
  std::atomic<bool> failing = false;
};

}  // namespace

TEST_CASE("keys of a provider come when it answers, and stay when it fails", "[auth]") {
  const auto first = PrivateKey::generate("k1");
  const auto second = PrivateKey::generate("k2");
  Provider provider;
  const auto source = provider.source();
  CHECK(source->keys()->size() == 0);
  CHECK(eventually([&] { return provider.failing.load(); }));
  provider.answer.with([&](std::string& text) { text = jwks({&first}); });
  CHECK(eventually([&] { return source->keys()->find("k1") != nullptr; }));
  CHECK(source->keys()->find("k1")->issuer == "https://id");
  // Rotation: nothing happens until a token of the new key is refused.
  provider.answer.with([&](std::string& text) { text = jwks({&second}); });
  source->key_unknown();
  CHECK(eventually([&] { return source->keys()->find("k2") != nullptr && source->keys()->find("k1") == nullptr; }));
  CHECK(eventually([&] { return source->fault().empty(); }));
  for (const char* bad : {"", "{\"keys\": [ha", "{\"keys\":{}}", "[]"}) {
    provider.answer.with([&](std::string& text) { text = bad; });
    source->key_unknown();
    CHECK(eventually([&] { return !source->fault().empty(); }));
    CHECK(source->keys()->find("k2") != nullptr);
    provider.answer.with([&](std::string& text) { text = jwks({&second}); });
    CHECK(eventually([&] { return source->fault().empty(); }));
  }
}

TEST_CASE("a provider that takes all its keys back leaves none, and says so", "[auth]") {
  const auto key = PrivateKey::generate("k1");
  Provider provider;
  provider.answer.with([&](std::string& text) { text = jwks({&key}); });
  const auto source = provider.source();
  CHECK(eventually([&] { return source->keys()->size() == 1; }));
  for (const std::string& none : {jwks({}), std::string(R"({"keys":[{"kty":"EC","crv":"P-521","kid":"p"}]})")}) {
    provider.answer.with([&](std::string& text) { text = none; });
    source->key_unknown();
    CHECK(eventually([&] { return source->keys()->size() == 0 && !source->fault().empty(); }));
    provider.answer.with([&](std::string& text) { text = jwks({&key}); });
    CHECK(eventually([&] { return source->keys()->size() == 1; }));
  }
}

TEST_CASE("the same keys again are no change, so that nobody makes the guard forget", "[auth]") {
  const auto key = PrivateKey::generate("k1");
  Provider provider;
  provider.answer.with([&](std::string& text) { text = jwks({&key}); });
  const auto source = provider.source(std::make_unique<FixedKeys>(jwks({&key})));
  CHECK(eventually([&] { return source->fault().empty(); }));
  const auto before = source->keys();
  const int asked = provider.asked;
  source->key_unknown();
  CHECK(eventually([&] { return provider.asked > asked + 1 || (source->key_unknown(), false); }));
  CHECK(source->keys() == before);
}

TEST_CASE("a document of a provider is bounded in keys, size and depth", "[auth]") {
  const auto key = PrivateKey::generate("k").jwk_json();
  std::string many = key;
  for (int i = 0; i < 100; ++i) many += "," + key;
  CHECK(KeySet::parse_foreign("{\"keys\":[" + many + "]}", "i").error().code == Code::InvalidArgument);
  CHECK(KeySet::parse_foreign("{\"keys\":[" + std::string(2 << 20, ' ') + "]}", "i").error().code == Code::InvalidArgument);
  CHECK(KeySet::parse_foreign("{\"keys\":" + std::string(100'000, '['), "i").error().code == Code::InvalidArgument);
  CHECK(KeySet::parse_foreign("{\"keys\":[" + key + "," + key + "]}", "i").value().size() == 1);
}

TEST_CASE("an end does not wait for an answer", "[auth]") {
  std::atomic<bool> asked = false;
  {
    const UrlKeySource source(nullptr, {"https://id", 1h, 1h}, [&](const std::stop_token& stop) -> Result<std::string> {
      asked = true;
      eventually([&] { return stop.stop_requested(); }, 1min);
      return Error{Code::Unavailable, "ended"};
    }, [](const std::string&) {});
    CHECK(eventually([&] { return asked.load(); }));
  }
  SUCCEED("it was destroyed while it asked");
}

TEST_CASE("rubbish can't make us ask a provider more often than is allowed", "[auth]") {
  const auto key = PrivateKey::generate("k1");
  Provider provider;
  provider.answer.with([&](std::string& text) { text = jwks({&key}); });
  const auto begin = std::chrono::steady_clock::now();
  const auto source = provider.source();
  while (std::chrono::steady_clock::now() - begin < 300ms) source->key_unknown();
  const int asked = provider.asked;
  CHECK(asked <= 1 + (std::chrono::steady_clock::now() - begin) / 20ms);
}

TEST_CASE("a provider's strange keys are passed over, and none of its keys stands in for ours", "[auth]") {
  const auto ours = PrivateKey::generate("swarm");
  const auto impostor = PrivateKey::generate("swarm");
  const auto theirs = PrivateKey::generate("k1");
  const std::string strange = R"({"kty":"EC","crv":"P-521","kid":"p"},{"kty":"oct","k":"AAAA","kid":"h"},{"kty":"RSA","alg":"RS512","kid":"r","n":"AQAB","e":"AQAB"},7)";
  Provider provider;
  provider.answer.with([&](std::string& text) { text = jwks({&impostor, &theirs}, strange); });
  const auto source = provider.source(std::make_unique<FixedKeys>(jwks({&ours})));
  CHECK(eventually([&] { return source->keys()->find("k1") != nullptr; }));
  CHECK(source->keys()->size() == 2);

  Claims claims;
  claims.subject = "x";
  claims.audience = {"swarm"};
  claims.issued_at = WallTime(1'000'000s);
  claims.expires_at = claims.issued_at + 600s;
  const Expectations expected{"swarm", "swarm", 30s, 900s};
  const auto accepted = [&](const std::string& issuer, const PrivateKey& key) {
    claims.issuer = issuer;
    return verify(sign(claims, key), *source->keys(), expected, claims.issued_at).has_value();
  };
  CHECK(accepted("swarm", ours));
  CHECK(accepted("https://id", theirs));
  CHECK_FALSE(accepted("swarm", theirs));
  CHECK_FALSE(accepted("https://id", ours));
  CHECK_FALSE(accepted("swarm", impostor));
}

#include "proxy/bearer.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "libs/auth/jwk.hpp"
#include "libs/rpc/channel.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::ctl;

namespace {

/// Runs at its own speed, so that a token's life passes in no time.
class QuickClock final : public Clock {
 public:
  BootTime boot_now() const override { return real_.boot_now(); }
  WallTime wall_now() const override { return real_.wall_now() + ahead.load(); }
  std::atomic<std::chrono::seconds> ahead{std::chrono::seconds(0)};

 private:
  SystemClock real_;
};

void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

}  // namespace

TEST_CASE("a proxy's token is made anew when half its life is over", "[proxy]") {
  swarm::testing::TempDir place;
  write(place.path() / "key.pem", auth::PrivateKey::generate("swarm").pem());
  QuickClock clock;
  Bearer::Options options;
  options.signing_key_file = (place.path() / "key.pem").string();
  options.signing_key_id = "swarm";
  options.request.subject = "bridge";
  auto bearer = Bearer::start(options, nullptr, clock, [](const std::string&) {});
  REQUIRE(bearer);
  const auto first = bearer.value()->authorization();
  CHECK(first.starts_with("Bearer ey"));
  clock.ahead = std::chrono::minutes(8);
  CHECK(swarm::testing::eventually([&] { return bearer.value()->authorization() != first; }));
}

TEST_CASE("a token file is taken up again when it changes, and what is no token is refused", "[proxy]") {
  swarm::testing::TempDir place;
  const auto file = place.path() / "token";
  write(place.path() / "key.pem", auth::PrivateKey::generate("swarm").pem());
  QuickClock clock;
  TokenRequest request;
  request.subject = "coder-1";
  const auto key = (place.path() / "key.pem").string();
  const auto first = make_token(request, key, "swarm", clock).value();
  Bearer::Options options;
  options.token_file = file.string();
  CHECK(!Bearer::start(options, nullptr, clock, {}));
  write(file, "a.b.c\n");
  CHECK(!Bearer::start(options, nullptr, clock, {}));
  write(file, first + "\n");
  auto bearer = Bearer::start(options, rpc::connect("127.0.0.1:1"), clock, [](const std::string&) {});
  REQUIRE(bearer);
  CHECK(bearer.value()->authorization() == "Bearer " + first);
  request.subject = "coder-2";
  const auto second = make_token(request, key, "swarm", clock).value();
  write(file, second);
  CHECK(swarm::testing::eventually([&] { return bearer.value()->authorization() == "Bearer " + second; }));
}

TEST_CASE("a token that can't be renewed stays, and somebody is told", "[proxy]") {
  swarm::testing::TempDir place;
  const auto file = place.path() / "token";
  write(place.path() / "key.pem", auth::PrivateKey::generate("swarm").pem());
  QuickClock clock;
  TokenRequest request;
  request.subject = "coder-1";
  const auto token = make_token(request, (place.path() / "key.pem").string(), "swarm", clock).value();
  write(file, token);
  Bearer::Options options;
  options.token_file = file.string();
  std::atomic<int> complaints = 0;
  auto bearer = Bearer::start(options, rpc::connect("127.0.0.1:1"), clock, [&](const std::string&) { ++complaints; });
  REQUIRE(bearer);
  clock.ahead = std::chrono::minutes(11);
  CHECK(swarm::testing::eventually([&] { return complaints > 0; }));
  CHECK(bearer.value()->authorization() == "Bearer " + token);
}

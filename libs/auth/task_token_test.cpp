#include "libs/auth/task_token.hpp"

#include <catch2/catch.hpp>

using namespace swarm;
using namespace std::chrono_literals;

namespace {
const WallTime kNow(std::chrono::hours(24 * 365 * 56));
const Secret kKey("0123456789abcdef0123456789abcdef");
}  // namespace

TEST_CASE("a task token counts for its task, its key and its time", "[task-token]") {
  const auto text = auth::sign_task_token(kKey, {"t1", "blue", kNow + 1h});
  const auto token = auth::verify_task_token(kKey, "t1", text, kNow);
  REQUIRE(token.has_value());
  CHECK(token.value().team == "blue");
  CHECK(token.value().expires == kNow + 1h);
  CHECK_FALSE(auth::verify_task_token(kKey, "t2", text, kNow).has_value());
  CHECK_FALSE(auth::verify_task_token(kKey, "t1", text, kNow + 1h).has_value());
  CHECK_FALSE(auth::verify_task_token(Secret("another key of thirty-two bytes!!"), "t1", text, kNow).has_value());
  CHECK_FALSE(auth::verify_task_token(Secret(), "t1", text, kNow).has_value());
  CHECK(auth::verify_task_token(kKey, "t1", auth::sign_task_token(kKey, {"t1", "", kNow + 1h}), kNow).value().team.empty());
}

TEST_CASE("a task token that anybody changed does not count", "[task-token]") {
  const auto text = auth::sign_task_token(kKey, {"t1", "blue", kNow + 1h});
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(auth::verify_task_token(kKey, "t1", changed, kNow).has_value());
    CHECK_FALSE(auth::verify_task_token(kKey, "t1", text.substr(0, i), kNow).has_value());
  }
  CHECK_FALSE(auth::verify_task_token(kKey, "t1", text + "x", kNow).has_value());
  CHECK_FALSE(auth::verify_task_token(kKey, "t1", std::string(100'000, '.'), kNow).has_value());
}

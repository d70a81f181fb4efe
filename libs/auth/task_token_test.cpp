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

TEST_CASE("whoever has a task token can make it narrower, and never wider again", "[task-token]") {
  const auto text = auth::sign_task_token(kKey, {"t1", "blue", kNow + 1h});
  const auto narrow = [](const std::string& token, auth::TaskTokenLimits limits) { return auth::narrow_task_token(token, limits).value(); };
  const auto verified = [](const std::string& token) { return auth::verify_task_token(kKey, "t1", token, kNow); };
  CHECK(verified(text).value().may(auth::kSpend));
  const auto spend = narrow(text, {.rights = std::vector<std::string>{"spend"}});
  CHECK(verified(spend).value().may(auth::kSpend));
  CHECK_FALSE(verified(spend).value().may(auth::kSubmit));
  // Asking for more than one has gives nothing.
  CHECK(verified(narrow(spend, {.rights = std::vector<std::string>{"submit"}})).value().rights->empty());
  const auto few = narrow(text, {.permissions = std::vector<std::string>{"read", "write"}});
  CHECK(*verified(narrow(few, {.permissions = std::vector<std::string>{"write", "deploy"}})).value().permissions == std::vector<std::string>{"write"});
  const auto brief = narrow(text, {.expires = kNow + 1min});
  CHECK(verified(narrow(brief, {.expires = kNow + 10h})).value().expires == kNow + 1min);
  CHECK_FALSE(auth::verify_task_token(kKey, "t1", brief, kNow + 2min));
  CHECK(narrow(text, {}) == text);
}

TEST_CASE("a limit of a task token can't be taken off, changed or made up", "[task-token]") {
  const auto text = auth::sign_task_token(kKey, {"t1", "blue", kNow + 1h});
  const auto narrowed = auth::narrow_task_token(text, {.expires = kNow + 1min, .rights = std::vector<std::string>{"spend"}}).value();
  for (std::size_t i = 0; i < narrowed.size(); ++i) {
    auto changed = narrowed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(auth::verify_task_token(kKey, "t1", changed, kNow).has_value());
  }
  // Without its limits, with the signature that stands at its end.
  const auto head = text.substr(0, text.rfind('.'));
  CHECK_FALSE(auth::verify_task_token(kKey, "t1", head + narrowed.substr(narrowed.rfind('.')), kNow));
  for (const char* bad : {"", "st1.", "st1.1.", "x.1.YQ.YQ", "st1.1.YQ.!"}) CHECK_FALSE(auth::narrow_task_token(bad, {}));
  auto longer = text;
  for (int i = 0; i < 16; ++i) longer = auth::narrow_task_token(longer, {.expires = kNow}).value();
  CHECK_FALSE(auth::narrow_task_token(longer, {.expires = kNow}));
}

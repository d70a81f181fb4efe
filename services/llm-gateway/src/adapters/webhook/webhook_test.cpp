#include "adapters/webhook/webhook.hpp"

#include <catch2/catch.hpp>

namespace swarm::gateway {
namespace {

Alert alert() {
  Alert made;
  made.scope = "team/\"blue\"";
  made.state = SpendState::Protected;
  made.spent = Money::from_usd(9.5);
  made.limit = Money::from_usd(10);
  made.resets = WallTime(std::chrono::hours(24 * 365 * 56));
  return made;
}

TEST_CASE("an alert in the words of each kind of hook", "[webhook]") {
  HookOptions options;
  const std::string text = "Budget team/\\\"blue\\\": 95 % spent: only keys with priority are served ($9.50 of $10.00 this day), starts again at 2025-12-18T00:00Z";
  options.format = HookFormat::Slack;
  REQUIRE(hook_body(options, alert()) == "{\"text\":\"" + text + "\"}");
  options.format = HookFormat::Telegram;
  options.chat = "-100";
  REQUIRE(hook_body(options, alert()) == "{\"chat_id\":\"-100\",\"text\":\"" + text + "\",\"disable_web_page_preview\":true}");
  options.format = HookFormat::Json;
  REQUIRE(hook_body(options, alert()).find("\"scope\":\"team/\\\"blue\\\"\",\"window\":\"day\"") != std::string::npos);
  REQUIRE(hook_body(options, alert()).find("\"spent_nano_usd\":9500000000,\"limit_nano_usd\":10000000000") != std::string::npos);
}

TEST_CASE("a hook that can't be reached says why without its URL", "[webhook]") {
  HookOptions options;
  options.url = Secret("http://127.0.0.1:1/services/T0/B0/secret-part");
  const auto sent = Webhook(options).send(alert());
  REQUIRE(sent.error().code == Code::Unavailable);
  REQUIRE(sent.error().message.find("secret") == std::string::npos);
  options.url = Secret("file:///etc/passwd");
  REQUIRE_FALSE(Webhook(options).send(alert()).has_value());
}

}  // namespace
}  // namespace swarm::gateway

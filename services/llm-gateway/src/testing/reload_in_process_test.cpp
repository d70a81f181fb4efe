#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "testing/gateway_rig.hpp"

namespace swarm::gateway::testing {
namespace {

const std::string kBody = R"({"model":"small","messages":[{"role":"user","content":"hi"}]})";

}  // namespace

TEST_CASE("requests on their way end in their edition, later ones begin in the new one", "[reload]") {
  std::atomic<bool> go = false;
  ScriptedUpstream first([&](Socket& socket, const std::string&) {
    put(socket, std::string(kStreamHead) + event("one "));
    swarm::testing::eventually([&] { return go.load(); });
    put(socket, event("two") + chunk("data: [DONE]\n\n") + "0\r\n\r\n");
  });
  ScriptedUpstream second([](Socket& socket, const std::string&) { put(socket, answer(completion("new"))); });
  GatewayRig gateway(usual_settings(first));
  Caller caller(gateway.worker.port());
  caller.send(GatewayRig::request("POST", "/v1/chat/completions", R"({"model":"small","stream":true,"messages":[]})", "authorization: Bearer sk-agent\r\n", true));
  REQUIRE(caller.wait_for("one "));
  Settings changed = usual_settings(second);
  changed.models.front().price = Price::of(1.5, 6);
  gateway.reload(changed);
  const Reply fresh = gateway.chat(kBody);
  CHECK(fresh.status == 200);
  CHECK(fresh.body == completion("new"));
  CHECK(fresh.header("x-swarm-cost-usd") == "0.000045000");
  go = true;
  const Reply old = caller.rest();
  CHECK(old.body.find("two") != std::string::npos);
  CHECK(old.body.find("[DONE]") != std::string::npos);
  CHECK(first.count() == 1);
  CHECK(gateway.settled());
}

TEST_CASE("an upstream that stays the same keeps its breaker over a reload, a changed one begins anew", "[reload]") {
  ScriptedUpstream up([](Socket& socket, const std::string&) { put(socket, answer("{}", "500 Internal Server Error")); });
  Settings settings = usual_settings(up);
  settings.upstreams.front().retries_max = 0;
  GatewayRig gateway(settings);
  for (int i = 0; i < 5; ++i) CHECK(gateway.chat(kBody).status == 500);
  CHECK(gateway.chat(kBody).status == 503);
  gateway.reload(settings);
  CHECK(gateway.chat(kBody).status == 503);
  Settings rotated = settings;
  rotated.upstreams.front().api_key = Secret("sk-another");
  gateway.reload(rotated);
  CHECK(gateway.chat(kBody).status == 500);
}

TEST_CASE("reloads between requests on open connections drop none", "[reload]") {
  ScriptedUpstream up([](Socket& socket, const std::string&) { put(socket, answer(completion())); });
  const Settings settings = usual_settings(up);
  GatewayRig gateway(settings);
  std::atomic<bool> stop = false;
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::thread caller([&] {
    while (!stop) ++(gateway.chat(kBody).status == 200 ? good : bad);
  });
  for (int i = 0; i < 50; ++i) {
    Settings next = settings;
    next.upstreams.front().api_key = Secret("sk-" + std::to_string(i));
    gateway.reload(next);
    const int seen = good;
    swarm::testing::eventually([&] { return good > seen || bad > 0; });
  }
  stop = true;
  caller.join();
  CHECK(bad == 0);
  CHECK(good > 50);
}

TEST_CASE("a guard masks what goes to the upstream and what comes back, and refuses where it is told to", "[reload][guard]") {
  ScriptedUpstream up([](Socket& socket, const std::string&) { put(socket, answer(completion("ask bob@example.org"))); });
  Settings settings = usual_settings(up);
  GuardOptions guard;
  guard.name = "work";
  guard.rules = built_in_rules(RuleFamily::PersonalData, GuardAction::Mask);
  guard.rules.push_back({"ticket", "TICKET-[0-9]+", GuardAction::Refuse, nullptr, ""});
  settings.guards.push_back(guard);
  settings.models.front().guard = 0;
  settings.relay.prompt_bytes_max = 1000;
  GatewayRig gateway(settings);
  const Reply masked = gateway.chat(R"({"model":"small","messages":[{"role":"user","content":"I am jane@example.org"}]})");
  CHECK(masked.status == 200);
  CHECK(masked.body == completion("ask [REDACTED:email]"));
  CHECK(up.requests().front().ends_with(R"("content":"I am [REDACTED:email]"}]})"));
  const Reply refused = gateway.chat(R"({"model":"small","messages":[{"role":"user","content":"see TICKET-1234"}]})");
  CHECK(refused.status == 400);
  CHECK(refused.body.find("guard_refused") != std::string::npos);
  CHECK(refused.body.find("1234") == std::string::npos);
  CHECK(up.count() == 1);
  CHECK(gateway.settled());
  REQUIRE(gateway.spend.flush().has_value());
  std::string prompt;
  REQUIRE(gateway.store->rows([&](const UsageRow& row) {
    prompt = row.prompt;
    return true;
  }).has_value());
  CHECK(prompt.find("[REDACTED:email]") != std::string::npos);
}

}  // namespace swarm::gateway::testing

// The front door and the relay on real sockets, without gRPC, so that the sanitizers see every thread.
#include <catch2/catch.hpp>

#include "testing/gateway_rig.hpp"

namespace swarm::gateway::testing {
namespace {

constexpr std::string_view kBody = R"({"model":"small","messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kStreamBody = R"({"model":"small","stream":true,"messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kUsageEvent = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n";
constexpr std::string_view kAgent = "authorization: Bearer sk-agent\r\n";
const Money kCost{4'500};

void answer_well(Socket& socket, const std::string&) { put(socket, answer(completion())); }

TEST_CASE("a plain request is relayed, settled and written to the journal", "[in-process]") {
  ScriptedUpstream upstream(answer_well);
  GatewayRig gateway(usual_settings(upstream));
  for (const std::string_view headers : {kAgent, std::string_view("x-api-key: sk-agent\r\n")}) {
    const Reply reply = gateway.chat(kBody, headers);
    REQUIRE(reply.status == 200);
    REQUIRE(reply.body == completion());
    REQUIRE(reply.header("x-swarm-cost-usd") == "0.000004500");
  }
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global") == kCost + kCost);
  REQUIRE(gateway.spent("team/t") == kCost + kCost);
  REQUIRE(gateway.spend.flush());
  std::size_t rows = 0;
  REQUIRE(gateway.store->rows([&](const UsageRow& row) { return ++rows, row.ending == Ending::Ok; }));
  REQUIRE(rows == 2);
  const auto seen = upstream.requests();
  REQUIRE(seen.front().ends_with(kBody));
  REQUIRE(seen.front().find("authorization: Bearer sk-upstream-secret") != std::string::npos);
  REQUIRE(seen.front().find("sk-agent") == std::string::npos);
}

TEST_CASE("many callers at once are each answered and paid for", "[in-process]") {
  ScriptedUpstream upstream(answer_well);
  GatewayRig gateway(usual_settings(upstream));
  constexpr int kThreads = 8;
  constexpr int kEach = 25;
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      Caller caller(gateway.worker.port());
      for (int n = 1; n <= kEach; ++n) {
        caller.send(GatewayRig::request("POST", "/v1/chat/completions", kBody, kAgent, n == kEach));
        if (n == kEach) good += caller.rest().status == 200;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(good == kThreads);
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global").nano == kThreads * kEach * kCost.nano);
}

TEST_CASE("a stream is relayed event by event, without the usage that only we asked for", "[in-process]") {
  std::atomic<bool> go_on = false;
  ScriptedUpstream upstream([&](Socket& socket, const std::string&) {
    put(socket, std::string(kStreamHead) + event("hel"));
    swarm::testing::eventually([&] { return go_on.load(); });
    put(socket, event("lo") + chunk(kUsageEvent) + chunk("data: [DONE]\n\n") + "0\r\n\r\n");
  });
  GatewayRig gateway(usual_settings(upstream));
  Caller caller(gateway.worker.port());
  caller.send(GatewayRig::request("POST", "/v1/chat/completions", kStreamBody, kAgent, true));
  REQUIRE(caller.wait_for("hel"));
  REQUIRE(caller.received().find("[DONE]") == std::string::npos);
  go_on = true;
  const Reply reply = caller.rest();
  REQUIRE(reply.body.ends_with("\"lo\"}}]}\n\ndata: [DONE]\n\n"));
  REQUIRE(reply.body.find("usage") == std::string::npos);
  REQUIRE(upstream.requests().front().find("\"include_usage\":true") != std::string::npos);
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("key/agent") == kCost);
}

TEST_CASE("an upstream that resets a stream is told in-band, and what was made is charged", "[in-process]") {
  ScriptedUpstream upstream([](Socket& socket, const std::string&) {
    put(socket, std::string(kStreamHead) + event("hello"));
    reset(socket);
  });
  GatewayRig gateway(usual_settings(upstream));
  const Reply reply = gateway.chat(kStreamBody);
  const bool begun = reply.status == 200;  // the reset may overtake the event
  REQUIRE((begun || reply.status == 502));
  REQUIRE(reply.body.find("server_error") != std::string::npos);
  REQUIRE(reply.body.find("[DONE]") == std::string::npos);
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global").nano > 0);
}

TEST_CASE("a caller that hangs up stops the upstream and pays for what was made", "[in-process]") {
  std::atomic<bool> stopped = false;
  ScriptedUpstream upstream([&](Socket& socket, const std::string&) {
    put(socket, kStreamHead);
    while (put(socket, event("word "))) {
    }
    stopped = true;
  });
  GatewayRig gateway(usual_settings(upstream));
  Caller caller(gateway.worker.port());
  caller.send(GatewayRig::request("POST", "/v1/chat/completions", kStreamBody, kAgent, false));
  REQUIRE(caller.wait_for("word"));
  caller.hang_up();
  REQUIRE(swarm::testing::eventually([&] { return stopped.load(); }));
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global").nano > 0);
}

TEST_CASE("a caller that leaves before any answer settles too", "[in-process]") {
  std::atomic<bool> seen = false;
  ScriptedUpstream upstream([&](Socket& socket, const std::string&) {
    seen = true;
    std::string nothing;
    get_some(socket, nothing);
  });
  GatewayRig gateway(usual_settings(upstream));
  Caller caller(gateway.worker.port());
  caller.send(GatewayRig::request("POST", "/v1/chat/completions", kBody, kAgent, false));
  REQUIRE(swarm::testing::eventually([&] { return seen.load(); }));
  REQUIRE(gateway.in_flight() == 1);
  caller.hang_up();
  REQUIRE(gateway.settled());
}

TEST_CASE("unknown keys, unknown models and dry budgets are refused before the upstream hears of it", "[in-process]") {
  ScriptedUpstream upstream(answer_well);
  Settings settings = usual_settings(upstream);
  BudgetSettings dry;
  dry.scope = "key/plain";
  settings.budgets.push_back(dry);
  GatewayRig gateway(std::move(settings));
  for (const std::string_view headers : {"authorization: Bearer sk-wrong\r\n", "x-api-key: \r\n", ""}) {
    REQUIRE(gateway.chat(kBody, headers).status == 401);
  }
  REQUIRE(gateway.chat(R"({"model":"other","messages":[]})").status == 404);
  REQUIRE(gateway.chat("{").status == 400);
  const Reply refused = gateway.chat(kBody, "authorization: Bearer sk-plain\r\n");
  REQUIRE(refused.status == 429);
  REQUIRE(refused.body.find("insufficient_quota") != std::string::npos);
  REQUIRE(refused.header("x-should-retry") == "false");
  REQUIRE(upstream.count() == 0);
  REQUIRE(gateway.in_flight() == 0);
}

TEST_CASE("a drain closes idle connections and lets requests in flight finish", "[in-process]") {
  std::atomic<bool> seen = false;
  std::atomic<bool> go_on = false;
  ScriptedUpstream upstream([&](Socket& socket, const std::string&) {
    seen = true;
    swarm::testing::eventually([&] { return go_on.load(); });
    put(socket, answer(completion()));
  });
  GatewayRig gateway(usual_settings(upstream));
  Caller idle(gateway.worker.port());
  Caller caller(gateway.worker.port());
  caller.send(GatewayRig::request("POST", "/v1/chat/completions", kBody, kAgent, false));
  REQUIRE(swarm::testing::eventually([&] { return seen.load(); }));
  gateway.worker.begin_drain();
  REQUIRE(idle.rest().status == 0);
  REQUIRE_FALSE(gateway.worker.drained());
  go_on = true;
  REQUIRE(caller.rest().status == 200);
  REQUIRE(swarm::testing::eventually([&] { return gateway.worker.drained(); }));
}

TEST_CASE("one model is shown by its name, which may be encoded", "[in-process]") {
  ScriptedUpstream upstream(answer_well);
  Settings settings = usual_settings(upstream);
  settings.models.front().name = "org/small";
  settings.keys.back().models = {"another"};
  GatewayRig gateway(std::move(settings));
  for (const char* path : {"/v1/models/org/small", "/v1/models/org%2Fsmall", "/v1/models/org%2fsmall?x=1"}) {
    const Reply reply = gateway.call("GET", path, "");
    REQUIRE(reply.status == 200);
    REQUIRE(reply.body.starts_with("{\"id\":\"org/small\",\"object\":\"model\""));
  }
  REQUIRE(gateway.call("GET", "/v1/models/other", "").status == 404);
  REQUIRE(gateway.call("GET", "/v1/models/%zz", "").status == 404);
  REQUIRE(gateway.call("GET", "/v1/models/org/small", "", "x-api-key: sk-plain\r\n").status == 404);
  REQUIRE(gateway.call("GET", "/v1/models/org/small", "", "").status == 401);
  REQUIRE(gateway.call("POST", "/v1/models/org/small", "{}").status == 405);
}

TEST_CASE("a route passes unknown paths on under the same key and budget", "[in-process]") {
  ScriptedUpstream upstream([](Socket& socket, const std::string& request) {
    put(socket, request.starts_with("DELETE") ? answer("{}", "404 Not Found") : answer("any bytes \xff"));
  });
  Settings settings = usual_settings(upstream);
  Model route;
  route.id = 1;
  route.name = "files";
  route.path = "/v1/files";
  route.price = Price{};
  route.price->input = 2'000'000'000;  // 2 thousandths of a dollar
  settings.models.push_back(route);
  settings.keys.back().models = {"small"};
  GatewayRig gateway(std::move(settings));
  const Reply reply = gateway.call("PUT", "/v1/files/a?b=c", "no json \xff");
  REQUIRE(reply.status == 200);
  REQUIRE(reply.body == "any bytes \xff");
  REQUIRE(upstream.requests().front().starts_with("PUT /v1/files/a?b=c HTTP/1.1\r\n"));
  REQUIRE(upstream.requests().front().ends_with("no json \xff"));
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global") == Money{2'000'000});
  REQUIRE(gateway.call("DELETE", "/v1/files/a", "").status == 404);
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global") == Money{2'000'000});
  const std::size_t asked = upstream.count();
  REQUIRE(gateway.call("GET", "/v1/files", "", "").status == 401);
  REQUIRE(gateway.call("GET", "/v1/files", "", "x-api-key: sk-plain\r\n").status == 404);
  REQUIRE(gateway.call("GET", "/v1/batches", "").status == 404);
  REQUIRE(gateway.call("GET", "/v1/files/../chat/completions", "").status == 404);
  for (const char* method : {"TRACE", "HEAD", "OPTIONS"}) {
    const Reply told = gateway.call(method, "/v1/files", "");
    REQUIRE(told.status == 405);
    REQUIRE(told.header("allow") == "GET, POST, PUT, PATCH, DELETE");
  }
  REQUIRE(upstream.count() == asked);
}

TEST_CASE("the same request of the same key is answered once by the upstream, when the cache is on", "[in-process]") {
  ScriptedUpstream upstream(answer_well);
  Settings settings = usual_settings(upstream);
  settings.cache.bytes_max = 1 << 20;
  GatewayRig gateway(std::move(settings));
  const std::string exact = R"({"model":"small","temperature":0,"messages":[{"role":"user","content":"hi"}]})";
  REQUIRE(gateway.chat(exact).header("x-swarm-cache").empty());
  const Reply again = gateway.chat(exact);
  REQUIRE(again.status == 200);
  REQUIRE(again.header("x-swarm-cache") == "hit");
  REQUIRE(again.body == completion());
  REQUIRE(upstream.count() == 1);
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global") == kCost);
  REQUIRE(gateway.chat(exact, "x-api-key: sk-plain\r\n").header("x-swarm-cache").empty());
  REQUIRE(gateway.chat(exact, "x-api-key: sk-agent\r\ncache-control: no-cache\r\n").header("x-swarm-cache").empty());
  REQUIRE(upstream.count() == 3);
  for (const std::string_view other : {kBody, std::string_view(R"({"model":"small","temperature":0.1,"messages":[]})"),
                                       std::string_view(R"({"model":"small","temperature":1,"temperature":0,"messages":[]})")}) {
    gateway.chat(other);
    REQUIRE(gateway.chat(other).header("x-swarm-cache").empty());
  }
}

}  // namespace
}  // namespace swarm::gateway::testing

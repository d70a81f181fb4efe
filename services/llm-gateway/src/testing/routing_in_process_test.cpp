// Several upstreams behind one name: who is asked, who takes over, and until when.
#include <catch2/catch.hpp>

#include <map>

#include "testing/gateway_rig.hpp"

namespace swarm::gateway::testing {
namespace {

constexpr std::string_view kBody = R"({"model":"small","messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kStreamBody = R"({"model":"small","stream":true,"messages":[{"role":"user","content":"hi"}]})";
const Money kCost{4'500};

void well(Socket& socket, const std::string&) { put(socket, answer(completion())); }

ScriptedUpstream::Script refusing(std::string status, std::string headers = "") {
  return [=](Socket& socket, const std::string&) { put(socket, answer(R"({"error":{"message":"no"}})", status, headers)); };
}

/// The model "small" on all of them in this order of priority, with few retries.
Settings served_by(std::vector<const ScriptedUpstream*> upstreams) {
  Settings settings = usual_settings(*upstreams.front());
  settings.upstreams.clear();
  Model& model = settings.models.front();
  for (const ScriptedUpstream* upstream : upstreams) {
    Upstream made;
    made.id = static_cast<std::uint32_t>(settings.upstreams.size());
    made.name = "m" + std::to_string(made.id);
    SWARM_CHECK(set_base_url(made, upstream->base_url()).has_value(), "the test's own URL");
    made.retries_max = 0;
    made.first_byte_timeout = made.idle_timeout = std::chrono::milliseconds(400);
    model.targets.push_back({made.id, "", 1, made.id});
    settings.upstreams.push_back(std::move(made));
  }
  return settings;
}

TEST_CASE("whoever has the next priority takes over from an upstream that refuses, and nothing is paid twice", "[in-process]") {
  for (const char* status : {"429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable", "529 Overloaded"}) {
    ScriptedUpstream first(refusing(status, "retry-after: 30\r\n"));
    ScriptedUpstream second(well);
    GatewayRig gateway(served_by({&first, &second}));
    const Reply reply = gateway.chat(kBody);
    REQUIRE(reply.status == 200);
    REQUIRE(reply.header("x-swarm-upstream") == "m1");
    REQUIRE(first.count() == 1);
    REQUIRE(gateway.settled());
    REQUIRE(gateway.spent("global") == kCost);
  }
}

TEST_CASE("an upstream that said when to come back is left alone until then", "[in-process]") {
  ScriptedUpstream first(refusing("429 Too Many Requests", "retry-after: 30\r\n"));
  ScriptedUpstream second(well);
  GatewayRig gateway(served_by({&first, &second}));
  for (int i = 0; i < 5; ++i) REQUIRE(gateway.chat(kBody).status == 200);
  REQUIRE(first.count() == 1);
}

TEST_CASE("a client's own fault is not tried elsewhere, and the last refusal is passed on as it is", "[in-process]") {
  ScriptedUpstream first(refusing("400 Bad Request"));
  ScriptedUpstream second(refusing("500 Internal Server Error", "x-mark: second\r\n"));
  GatewayRig wrong(served_by({&first, &second}));
  REQUIRE(wrong.chat(kBody).status == 400);
  REQUIRE(second.count() == 0);
  GatewayRig failing(served_by({&second, &second}));
  const Reply reply = failing.chat(kBody);
  REQUIRE(reply.status == 500);
  REQUIRE(reply.header("x-mark") == "second");
  REQUIRE(second.count() == 2);
  REQUIRE(failing.settled());
  REQUIRE(failing.spent("global") == Money{});
}

TEST_CASE("after a time-out the next one is asked, and what the first may have cost is charged", "[in-process]") {
  ScriptedUpstream first([](Socket& socket, const std::string&) {
    std::string nothing;
    get_some(socket, nothing);
  });
  ScriptedUpstream second(well);
  GatewayRig gateway(served_by({&first, &second}));
  REQUIRE(gateway.chat(kBody).status == 200);
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global") > kCost);
}

TEST_CASE("a stream is taken over until its first content, and never after", "[in-process]") {
  const std::string role = chunk("data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n");
  std::string begin;
  ScriptedUpstream first([&](Socket& socket, const std::string&) {
    put(socket, std::string(kStreamHead) + begin);
    socket.close();
  });
  ScriptedUpstream second([](Socket& socket, const std::string&) {
    put(socket, std::string(kStreamHead) + event("whole") + chunk("data: [DONE]\n\n") + "0\r\n\r\n");
  });
  for (const std::string& early : {std::string(), role, chunk("data: {\"error\":{\"message\":\"overloaded\"}}\n\n")}) {
    begin = early;
    GatewayRig gateway(served_by({&first, &second}));
    const Reply reply = gateway.chat(kStreamBody);
    REQUIRE(reply.status == 200);
    REQUIRE(reply.body.find("whole") != std::string::npos);
    REQUIRE(reply.body.ends_with("data: [DONE]\n\n"));
    REQUIRE(reply.body.find("error") == std::string::npos);
    REQUIRE(gateway.settled());
  }
  begin = role + event("half");
  const std::size_t asked = second.count();
  GatewayRig gateway(served_by({&first, &second}));
  const Reply reply = gateway.chat(kStreamBody);
  REQUIRE(reply.body.find("half") != std::string::npos);
  REQUIRE(reply.body.find("whole") == std::string::npos);
  REQUIRE(reply.body.find("server_error") != std::string::npos);
  REQUIRE(second.count() == asked);
}

TEST_CASE("a fallback answers under its own name and at its own price", "[in-process]") {
  ScriptedUpstream first(refusing("500 Internal Server Error"));
  ScriptedUpstream second(well);
  Settings settings = served_by({&first, &second});
  settings.models.front().targets = {{0, "", 1, 0}};
  settings.models.front().fallbacks = {"secret", "big"};
  for (const char* name : {"secret", "big"}) {
    Model model = settings.models.front();
    model.id = static_cast<std::uint32_t>(settings.models.size());
    model.name = name;
    model.targets = {{1, "", 1, 0}};
    model.fallbacks.clear();
    model.price = Price::of(1.5, 6);
    settings.models.push_back(model);
  }
  settings.keys.front().models = {"small", "big"};
  GatewayRig gateway(std::move(settings));
  REQUIRE(gateway.chat(kBody).status == 200);
  REQUIRE(second.requests().front().find(R"({"model":"big",)") != std::string::npos);
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global").nano == 10 * kCost.nano);
  REQUIRE(gateway.spend.flush());
  std::map<std::string, Ending> rows;
  REQUIRE(gateway.store->rows([&](const UsageRow& row) { return rows[row.model] = row.ending, true; }));
  REQUIRE(rows == std::map<std::string, Ending>{{"small", Ending::UpstreamError}, {"big", Ending::Ok}});
}

TEST_CASE("keys of one provider share the requests, and one that is refused leaves them to the others", "[in-process]") {
  ScriptedUpstream upstream([](Socket& socket, const std::string& request) {
    if (request.find("Bearer key-1\r\n") != std::string::npos) put(socket, answer("{}", "429 Too Many Requests", "retry-after: 20\r\n"));
    else put(socket, answer(completion()));
  });
  Settings settings = served_by({&upstream, &upstream, &upstream});
  for (std::size_t i = 0; i < 3; ++i) {
    settings.upstreams[i].api_key = Secret("key-" + std::to_string(i));
    settings.models.front().targets[i].priority = 0;
  }
  GatewayRig gateway(std::move(settings));
  for (int i = 0; i < 40; ++i) REQUIRE(gateway.chat(kBody).status == 200);
  std::map<std::string, int> asked;
  for (const std::string& request : upstream.requests()) {
    const std::size_t at = request.find("Bearer key-");
    REQUIRE(at != std::string::npos);
    ++asked[request.substr(at + 7, 5)];
  }
  REQUIRE(asked["key-1"] <= 1);
  REQUIRE(asked["key-0"] > 5);
  REQUIRE(asked["key-2"] > 5);
}

TEST_CASE("the quickest of several serves most of the requests", "[in-process]") {
  ScriptedUpstream slow([](Socket& socket, const std::string&) {
    swarm::testing::eventually([] { return false; }, std::chrono::milliseconds(40));
    put(socket, answer(completion()));
  });
  ScriptedUpstream quick(well);
  Settings settings = served_by({&slow, &quick});
  for (auto& target : settings.models.front().targets) target.priority = 0;
  settings.models.front().balance = Balance::LeastLatency;
  GatewayRig gateway(std::move(settings));
  for (int i = 0; i < 40; ++i) REQUIRE(gateway.chat(kBody).status == 200);
  REQUIRE(quick.count() > 30);
  REQUIRE(slow.count() >= 1);
}

TEST_CASE("an attempt as a whole has a time-out, however busy its stream is", "[in-process]") {
  ScriptedUpstream endless([](Socket& socket, const std::string&) {
    put(socket, kStreamHead);
    while (put(socket, event("on and on "))) swarm::testing::eventually([] { return false; }, std::chrono::milliseconds(10));
  });
  Settings settings = served_by({&endless});
  settings.upstreams.front().total_timeout = std::chrono::milliseconds(500);
  GatewayRig gateway(std::move(settings));
  const Reply reply = gateway.chat(kStreamBody);
  REQUIRE(reply.body.find("on and on") != std::string::npos);
  REQUIRE(reply.body.find("did not answer in time") != std::string::npos);
  REQUIRE(gateway.settled());
}

/// One upstream that speaks the other dialect than its caller.
Settings foreign(const ScriptedUpstream& upstream, Dialect dialect) {
  Settings settings = usual_settings(upstream);
  settings.upstreams.front().dialect = dialect;
  settings.upstreams.front().retries_max = 0;
  return settings;
}

TEST_CASE("a chat reaches an upstream of Anthropic's dialect and comes back in OpenAI's", "[in-process][translation]") {
  ScriptedUpstream upstream([](Socket& socket, const std::string& request) {
    if (request.find("\"stream\":true") == std::string::npos) {
      put(socket, answer(R"({"id":"1","type":"message","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":5}})"));
      return;
    }
    put(socket, std::string(kStreamHead) +
                    chunk("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"1\",\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n") +
                    chunk("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n") +
                    chunk("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n") +
                    chunk("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") + "0\r\n\r\n");
  });
  GatewayRig gateway(foreign(upstream, Dialect::Anthropic));
  const Reply plain = gateway.chat(kBody);
  REQUIRE(plain.status == 200);
  REQUIRE(plain.body.find(R"("message":{"role":"assistant","content":"hello"})") != std::string::npos);
  REQUIRE(upstream.requests().front().starts_with("POST /v1/messages HTTP/1.1\r\n"));
  REQUIRE(upstream.requests().front().find("anthropic-version: 2023-06-01\r\n") != std::string::npos);
  const Reply streamed = gateway.chat(kStreamBody);
  REQUIRE(streamed.body.find(R"("delta":{"content":"hello"})") != std::string::npos);
  REQUIRE(streamed.body.ends_with("data: [DONE]\n\n"));
  REQUIRE(streamed.header("content-type") == "text/event-stream");
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global") == kCost + kCost);
}

TEST_CASE("a message reaches an upstream of OpenAI's dialect and comes back in Anthropic's", "[in-process][translation]") {
  std::string status = "200 OK";
  ScriptedUpstream upstream([&](Socket& socket, const std::string& request) {
    if (status != "200 OK") put(socket, answer(R"({"error":{"message":"too long","type":"invalid_request_error"}})", status));
    else if (request.find("\"stream\":true") == std::string::npos) put(socket, answer(completion()));
    else put(socket, std::string(kStreamHead) + event("hel") + event("lo") +
                         chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n") + chunk("data: [DONE]\n\n") + "0\r\n\r\n");
  });
  GatewayRig gateway(foreign(upstream, Dialect::OpenAi));
  const auto ask = [&](const char* more) {
    return gateway.call("POST", "/v1/messages", R"({"model":"small","max_tokens":50,"messages":[{"role":"user","content":"hi"}])" + std::string(more) + "}");
  };
  const Reply plain = ask("");
  REQUIRE(plain.status == 200);
  REQUIRE(plain.body.find(R"("content":[{"type":"text","text":"hello"}])") != std::string::npos);
  const Reply streamed = ask(",\"stream\":true");
  REQUIRE(streamed.body.starts_with("event: message_start\n"));
  REQUIRE(streamed.body.find(R"({"type":"text_delta","text":"hel"})") != std::string::npos);
  REQUIRE(streamed.body.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
  const Reply counted = gateway.call("POST", "/v1/messages/count_tokens", kBody);
  REQUIRE(counted.status == 200);
  REQUIRE(counted.body.starts_with("{\"input_tokens\":"));
  REQUIRE(counted.header("x-swarm-estimated") == "true");
  REQUIRE(gateway.settled());
  REQUIRE(gateway.spent("global") == kCost + kCost);
  status = "400 Bad Request";
  const Reply refused = ask("");
  REQUIRE(refused.status == 400);
  REQUIRE(refused.body.starts_with(R"({"type":"error","error":{"type":"invalid_request_error","message":"too long"})"));
}

TEST_CASE("a translated stream that is cut says so in the caller's words", "[in-process][translation]") {
  ScriptedUpstream upstream([](Socket& socket, const std::string&) {
    put(socket, std::string(kStreamHead) + event("half") + chunk("data: {\"choices\":[{\"ind"));
    socket.close();
  });
  GatewayRig gateway(foreign(upstream, Dialect::OpenAi));
  const Reply reply = gateway.call("POST", "/v1/messages", R"({"model":"small","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"hi"}]})");
  REQUIRE(reply.body.find("half") != std::string::npos);
  REQUIRE(reply.body.find("choices") == std::string::npos);
  REQUIRE(reply.body.find("message_stop") == std::string::npos);
  REQUIRE(reply.body.find("event: error\ndata: {\"type\":\"error\"") != std::string::npos);
}

}  // namespace
}  // namespace swarm::gateway::testing

#include "doctor/readiness.hpp"

#include <catch2/catch.hpp>
#include <sstream>

using namespace swarm;
using namespace swarm::ctl;

namespace {

Findings judged(const std::string& json, std::int64_t now = 1'000'000) {
  const auto report = parse_readiness(json);
  REQUIRE(report);
  return judge(Peer::Orchestrator, report.value(), now);
}

}  // namespace

TEST_CASE("a report that is none is refused", "[doctor]") {
  for (const char* bad : {"", "[]", "{}", "{\"ready\"", "<html>"}) CHECK(!parse_readiness(bad));
  CHECK(parse_readiness(R"({"ready":1,"checks":[1,{}]})"));
}

TEST_CASE("readiness is judged with a remedy for what is wrong", "[doctor]") {
  const auto findings = judged(
      R"({"ready":false,"draining":false,"version":"9.9","now_unix_ms":1005000,"checks":[
          {"name":"store","ok":false,"required":true,"detail":"disk full"},
          {"name":"analyst","ok":false,"required":false,"detail":"connection refused"},
          {"name":"gateway","ok":true,"required":false,"detail":""}]})");
  REQUIRE(findings.size() == 6);
  CHECK(findings[0].verdict == Verdict::Fail);
  CHECK(findings[1].verdict == Verdict::Fail);
  CHECK(findings[1].detail == "disk full");
  CHECK(findings[2].verdict == Verdict::Warn);
  CHECK(findings[2].check == "→ analyst");
  CHECK(findings[2].remedy.find("start analyst-service, or correct analyst.address") == 0);
  CHECK(findings[3].verdict == Verdict::Ok);
  CHECK(findings[4].detail.find("9.9") == 0);
  CHECK(findings[5].detail == "5s ahead of this machine");
  CHECK(findings[5].verdict == Verdict::Warn);
  CHECK(has_failed(findings));
}

TEST_CASE("how long something has been failing is shown whole, of other causes the gist", "[doctor]") {
  const auto findings = judged(R"({"ready":true,"checks":[
      {"name":"upstream/a","ok":false,"required":false,"detail":"failing for 12 s, 7 calls in a row: connect: Connection refused"},
      {"name":"analyst","ok":false,"required":false,"detail":"UNKNOWN: ipv4:127.0.0.1:1: Connection refused"}]})");
  CHECK(findings[1].detail == "failing for 12 s, 7 calls in a row: connect: Connection refused");
  CHECK(findings[2].detail == "Connection refused");
}

TEST_CASE("a sound service is only ok", "[doctor]") {
  const auto findings =
      judged(std::string(R"({"ready":true,"draining":false,"version":")") + SWARM_VERSION + R"(","now_unix_ms":999000,"checks":[]})");
  CHECK(findings.size() == 2);
  CHECK(!has_failed(findings));
  CHECK(judged(R"({"ready":true,"now_unix_ms":1})", 100'000'000).back().verdict == Verdict::Fail);
  CHECK(judged(R"({"ready":false,"draining":true})").front().verdict == Verdict::Warn);
}

TEST_CASE("findings are printed with a summary, for people and for programs", "[doctor]") {
  const Findings findings = {{Verdict::Ok, "a", "x", "fine", ""}, {Verdict::Fail, "bcd", "xyz", "br\noken", "mend it"}};
  std::ostringstream text;
  print_text(text, {}, findings);
  CHECK(text.str() == "ok    a    x    fine\nfail  bcd  xyz  br oken\n      → mend it\n1 ok, 0 to look at, 1 failed\n");
  std::ostringstream json;
  print_json(json, findings);
  CHECK(json.str() ==
        R"({"ok":false,"checks":[{"verdict":"ok","subject":"a","check":"x","detail":"fine","remedy":""},)"
        R"({"verdict":"fail","subject":"bcd","check":"xyz","detail":"br\noken","remedy":"mend it"}]})"
        "\n");
}

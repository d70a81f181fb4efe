#include "libs/log_templates/template_miner.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace swarm::log_templates;

namespace {

std::vector<std::string> by_line(const std::vector<std::string>& lines, TemplateMiner::Limits limits = {}) {
  TemplateMiner miner(limits);
  for (const auto& line : lines) miner.add(line);
  const auto templates = miner.finish();
  std::vector<std::string> out;
  for (const auto& line : lines) {
    const auto at = miner.find(line);
    out.push_back(at ? templates[*at].text : "?");
  }
  return out;
}

}  // namespace

TEST_CASE("values go by their shape, variables by their number", "[template]") {
  const std::vector<std::string> lines{
      "Accepted parcel 17 from 10.0.0.1:443",  "Accepted parcel 18 from 10.0.0.2:80",  "session closed for user ada", "session closed for user bob",
      "depot north opened in 3 ms", "depot south opened in 4 KB", "depot east opened in 5 s", "depot west opened in 6 s", "depot mid opened in 7 s",
      "state changed to RUNNING_NOW by main", "state changed to DONE_NOW by main", "copied () at once", "copied (a9) at once",
      "state changed to LOST_NOW by main"};
  const auto found = by_line(lines);
  CHECK(found[0] == "Accepted parcel <*> from <*>");
  CHECK(found[0] == found[1]);
  CHECK(found[2] == "session closed for user <*>");
  CHECK(found[2] == found[3]);
  for (int i = 4; i < 9; ++i) CHECK(found[static_cast<std::size_t>(i)] == "depot <*> opened in <*>");
  CHECK(found[9] == found[10]);
  CHECK(found[9] == found[13]);
  CHECK(found[11] == found[12]);
}

TEST_CASE("one statement has one template, whatever its values look like", "[template]") {
  const std::vector<std::vector<std::string>> statements{
      {"lease for 64:d9:89:6b:b5:33 ended", "lease for ad:be:de:fa:ce:ed ended", "lease for fe80::c6b3:1ff:fecd ended"},
      {"closed, 12 bytes sent", "closed, 2279 bytes (2.22 KB) sent", "closed, 1 bytes (9 MB) sent"},
      {"open for <1 sec", "open for 00:13", "open for 17 sec"},
      {"lock tag=\"View Lock\", from=null", "lock tag=\"main\", from=Source{17}"},
      {"charging is true now", "charging is false now"},
      {"peer mail.example.org:25 up", "peer 10.0.0.1:25 up"},
      {"remove 0|app|7", "remove 11|web.core|null"},
      {"took 1, 2, 3 steps", "took 1 steps"}};
  std::vector<std::string> lines;
  for (const auto& same : statements) lines.insert(lines.end(), same.begin(), same.end());
  const auto found = by_line(lines);
  std::size_t at = 0;
  for (const auto& same : statements) {
    for (std::size_t i = 0; i < same.size(); ++i) {
      INFO(same[i] << " -> " << found[at + i]);
      CHECK(found[at + i] == found[at]);
    }
    at += same.size();
  }
}

TEST_CASE("names of keys and first words tell statements apart", "[template]") {
  const auto found = by_line({"boot (command 1)", "halt (command 2)", "wait (command 3)", "ping (command 4)", "stop (command 5)",
                              "depth in=3", "depth out=3", "depth up=3", "depth down=3", "depth all=3"});
  for (std::size_t i = 0; i < found.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(found[i] != found[j]);
}

TEST_CASE("few different words at a position are different statements", "[template]") {
  const auto found = by_line({"door opened", "door closed", "door opened"});
  CHECK(found[0] != found[1]);
  CHECK(found[0] == found[2]);
}

TEST_CASE("templates do not depend on the order of lines", "[template]") {
  std::vector<std::string> lines;
  std::mt19937_64 random(4);
  const char* words[] = {"alpha", "beta", "gamma.delta", "run_it", "x7", "(", "=", "user", "Mon"};
  for (int i = 0; i < 400; ++i) {
    std::string line;
    for (std::uint64_t n = 1 + random() % 6; n > 0; --n) line += std::string(words[random() % std::size(words)]) + (random() % 3 ? " " : "");
    lines.push_back(line);
  }
  auto expected = by_line(lines);
  std::vector<std::size_t> order(lines.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  std::vector<std::string> shuffled;
  for (const auto i : order) shuffled.push_back(lines[i]);
  const auto found = by_line(shuffled);
  for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(found[i] == expected[order[i]]);
}

TEST_CASE("odd lines are lines", "[template]") {
  CHECK(by_line({"", "   ", std::string(1'000'000, '('), std::string("a\0b", 3), "\xff\xfe"}).size() == 5);
}

TEST_CASE("beyond its limits the miner puts together what it knows, and every line is counted", "[template]") {
  TemplateMiner miner({200, 50, 1u << 20});
  std::mt19937_64 random(7);
  const auto word = [&] {
    std::string out;
    for (int i = 0; i < 6; ++i) out += static_cast<char>('a' + random() % 26);
    return out;
  };
  constexpr std::uint64_t kLines = 20'000;
  for (std::uint64_t i = 0; i < kLines / 2; ++i) {
    miner.add("worker " + word() + " took the parcel");
    miner.add("depot closed for " + word());
  }
  CHECK(miner.condensed());
  const auto found = miner.finish();
  REQUIRE(found.size() == 2);
  CHECK(found[0].lines + found[1].lines + miner.other_lines() == kLines);
  CHECK(found[0].lines == kLines / 2);
  CHECK((found[0].text == "worker <*> took the parcel" || found[1].text == "worker <*> took the parcel"));
  CHECK(miner.find("worker qqq took the parcel").has_value());
  CHECK_FALSE(miner.find("nobody knows").has_value());
}

TEST_CASE("what fits no template is counted as other lines", "[template]") {
  TemplateMiner miner({100, 10, 1u << 20});
  std::mt19937_64 random(8);
  for (int i = 0; i < 5'000; ++i) {
    std::string line;
    for (std::uint64_t n = 1 + random() % 40; n > 0; --n) line += std::string(1 + random() % 9, static_cast<char>('a' + random() % 26)) + (random() % 4 ? " " : "(");
    miner.add(line);
  }
  std::uint64_t counted = miner.other_lines();
  for (const auto& one : miner.finish()) counted += one.lines;
  CHECK(miner.other_lines() > 0);
  CHECK(counted == 5'000);
}

TEST_CASE("a template's id depends on its text alone", "[template]") {
  CHECK(template_id("a <*>") == template_id("a <*>"));
  CHECK(template_id("a <*>") != template_id("b <*>"));
  CHECK(template_id("").size() == 16);
}

TEST_CASE("units of systemd are values", "[template]") {
  TemplateMiner miner;
  for (const std::string_view unit : {"web", "cache-main", "search", "billing"}) miner.add(std::string(unit) + ".service: Scheduled restart job");
  REQUIRE(miner.finish().size() == 1);
}

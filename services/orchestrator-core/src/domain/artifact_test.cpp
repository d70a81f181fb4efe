#include "domain/artifact.hpp"

#include <catch2/catch.hpp>

using namespace swarm::orchestrator;

namespace {

Artifact made(std::string name, int attempt, bool accepted_before = false, std::uint64_t bytes = 1) {
  Artifact out;
  out.name = std::move(name);
  out.sha256 = std::string(64, static_cast<char>('0' + attempt));
  out.bytes = bytes;
  out.attempt = attempt;
  out.accepted = accepted_before;
  return out;
}

std::vector<std::string> shown(const Artifacts& all) {
  std::vector<std::string> out;
  for (const auto& a : all) out.push_back(a.name + "@" + std::to_string(a.attempt) + (a.accepted ? "+" : ""));
  return out;
}

}  // namespace

TEST_CASE("an artefact's name is a relative path that leads nowhere else", "[artifact]") {
  for (const char* good : {"a", "out.zip", "src/main.py", "..a/b..", ".hidden", "größe.txt"}) {
    INFO(good);
    CHECK(fault_of_artifact_name(good).empty());
  }
  for (const char* bad : {"", "/etc/passwd", "..", "../x", "a/../b", "a/./b", "a//b", "a/", "a\\b", "a\nb", "a\x7f"}) {
    INFO(bad);
    CHECK_FALSE(fault_of_artifact_name(bad).empty());
  }
  CHECK(fault_of_artifact_name(std::string(200, 'x')).empty());
  CHECK_FALSE(fault_of_artifact_name(std::string(201, 'x')).empty());
  CHECK_FALSE(fault_of_artifact_name(std::string_view("a\0b", 3)).empty());
}

TEST_CASE("a digest is 64 hexadecimal digits in any case", "[artifact]") {
  CHECK(to_sha256(std::string(64, 'A')) == std::string(64, 'a'));
  CHECK(to_sha256(std::string(63, 'a')).empty());
  CHECK(to_sha256(std::string(63, 'a') + "g").empty());
  CHECK(to_sha256("../../" + std::string(58, 'a')).empty());
}

TEST_CASE("a success makes its files the task's and drops what failed attempts left", "[artifact]") {
  const Artifacts all{made("zip", 1, true), made("log", 1, true), made("trace", 2), made("zip", 3), made("notes", 3)};
  CHECK(shown(accepted(all, 3)) == std::vector<std::string>{"log@1+", "zip@3+", "notes@3+"});
  CHECK(shown(accepted(all, 4)) == std::vector<std::string>{"zip@1+", "log@1+"});
}

TEST_CASE("without an attempt the accepted file is meant, or else the newest", "[artifact]") {
  const Artifacts all{made("zip", 1, true), made("zip", 2), made("log", 1), made("log", 2)};
  CHECK(find_artifact(all, "zip", 0)->attempt == 1);
  CHECK(find_artifact(all, "zip", 2)->attempt == 2);
  CHECK(find_artifact(all, "log", 0)->attempt == 2);
  CHECK(find_artifact(all, "zip", 3) == nullptr);
  CHECK(find_artifact(all, "none", 0) == nullptr);
}

TEST_CASE("a file takes the place of an unaccepted one of its name, and room is made by what earlier attempts left", "[artifact]") {
  Artifacts all{made("zip", 1, true), made("zip", 2), made("log", 2)};
  REQUIRE(add_artifact(all, made("zip", 3), {3, 100}));
  CHECK(shown(all) == std::vector<std::string>{"zip@1+", "log@2", "zip@3"});
  REQUIRE(add_artifact(all, made("new", 3), {3, 100}));
  CHECK(shown(all) == std::vector<std::string>{"zip@1+", "zip@3", "new@3"});
  CHECK_FALSE(add_artifact(all, made("more", 3), {3, 100}));
  CHECK_FALSE(add_artifact(all, made("large", 3, false, 98), {10, 100}));
  CHECK(shown(all) == std::vector<std::string>{"zip@1+", "zip@3", "new@3"});
}

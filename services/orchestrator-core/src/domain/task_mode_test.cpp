#include "domain/task_mode.hpp"

#include <catch2/catch.hpp>

using namespace swarm::orchestrator;

TEST_CASE("the mark in front of a text decides its mode", "[mode]") {
  CHECK(mode_of("do it").mode == TaskMode::Plain);
  CHECK(mode_of("do it").rest == "do it");
  CHECK(mode_of("  [mode:war_room]  build it ").mode == TaskMode::WarRoom);
  CHECK(mode_of("  [mode:war_room]  build it ").rest == "build it");
  CHECK(mode_of("[MODE:COUNCIL]decide").rest == "decide");
  CHECK(mode_of("[MODE:PARTY] x").mode == TaskMode::Plain);
  CHECK(mode_of("say [MODE:COUNCIL]").mode == TaskMode::Plain);
  CHECK(mode_of("").mode == TaskMode::Plain);
  CHECK(mode_of("[MODE:COUNCIL]").rest.empty());
}

TEST_CASE("a list of names has no empty ones and no repeats", "[mode]") {
  CHECK(listed(" python, react ,,python,go") == std::vector<std::string>{"python", "react", "go"});
  CHECK(listed("").empty());
  CHECK(listed(" , ,").empty());
}

#include "domain/stack_classifier.hpp"

#include <catch2/catch.hpp>

using swarm::orchestrator::stack_of_text;

TEST_CASE("a text names its stack by words and by files", "[stack]") {
  CHECK(stack_of_text("Parse dates in Python") == "python");
  CHECK(stack_of_text("make pytest pass in shop/carts.py") == "python");
  CHECK(stack_of_text("The cart's React component renders twice") == "react");
  CHECK(stack_of_text("fix src/App.tsx, written in TypeScript") == "react");
  CHECK(stack_of_text("strict mode in tsconfig.json.") == "typescript");
  CHECK(stack_of_text("a race between two goroutines in server.go") == "go");
  CHECK(stack_of_text("CMake does not find lib.hpp of the C++ part") == "cpp");
  CHECK(stack_of_text("a C# service") == "csharp");
  CHECK(stack_of_text("clippy warns in main.rs.") == "rust");
}

TEST_CASE("a text that names no stack, or several equally, has none", "[stack]") {
  CHECK(stack_of_text("").empty());
  CHECK(stack_of_text("Write the minutes of the meeting").empty());
  CHECK(stack_of_text("port it from Python to Rust").empty());
  CHECK(stack_of_text("pythonic reactions of javanese cargoes").empty());
  CHECK(stack_of_text(std::string(1'000'000, '.')).empty());
  CHECK(stack_of_text(std::string("\xff\0\x80 .py", 7)).empty());
  CHECK(stack_of_text(std::string(5'000, ' ') + "python").empty());
}

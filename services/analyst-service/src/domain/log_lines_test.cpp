#include "domain/log_lines.hpp"

#include <catch2/catch.hpp>

using namespace swarm::analyst::domain;

namespace {

std::vector<std::string> lines(std::string_view log) {
  LogLines reader;
  reader.read(log);
  return {reader.lines().begin(), reader.lines().end()};
}

const std::vector<std::string> kTwo{"Traceback (most recent call last):", "  File \"a.py\", line 3, in load", "KeyError: 'x'"};

std::string joined(const std::string& before, const std::string& end = "\n") {
  std::string out;
  for (const auto& line : kTwo) out += before + line + end;
  return out;
}

}  // namespace

TEST_CASE("what the surroundings add is taken off", "[lines]") {
  CHECK(lines(joined("")) == kTwo);
  CHECK(lines(joined("", "\r\n")) == kTwo);
  CHECK(lines(joined("    ")) == kTwo);
  CHECK(lines(joined("[12:03:59] ")) == kTwo);
  CHECK(lines(joined("2026-01-02T03:04:05.678Z ")) == kTwo);
  CHECK(lines("\x1b[31mKeyError\x1b[0m: 'x'\x1b]0;title\a") == std::vector<std::string>{"KeyError: 'x'"});
  CHECK(lines("10%\r50%\r100%\nKeyError: 'x'") == std::vector<std::string>{"100%", "KeyError: 'x'"});
}

TEST_CASE("a label before each line is the runner's", "[lines]") {
  CHECK(lines(joined("web-1  | ")) == kTwo);
  CHECK(lines(joined("[gw0] ")) == kTwo);
  CHECK(lines("worker-2 | KeyError: 'x'") == std::vector<std::string>{"KeyError: 'x'"});
  CHECK(lines("[ERROR] one\n[ERROR] two") == std::vector<std::string>{"[ERROR] one", "[ERROR] two"});
  CHECK(lines("12 | let a = 1;\n13 | let b = a;").size() == 2);
  CHECK(lines("12 | let a = 1;\n12 | let b = a;").front() == "12 | let a = 1;");
}

TEST_CASE("what a harness says of the output goes", "[lines]") {
  CHECK(lines("STDERR:\n```\nKeyError: 'x'\n```\nCommand exited with status 2 (elapsed 3 s)") == std::vector<std::string>{"KeyError: 'x'"});
  CHECK(lines("##[group]Run tests\nKeyError: 'x'\n##[error]Process completed with exit code 1.") == std::vector<std::string>{"KeyError: 'x'"});
  CHECK(lines("stderr: KeyError: 'x'") == std::vector<std::string>{"KeyError: 'x'"});
}

TEST_CASE("the runner's own lines go, but never the whole log", "[lines]") {
  CHECK(lines("$ run --task 1\n" + joined("") + "exit status 1 after 3.2s (pid 7)") == kTwo);
  CHECK(lines("2026-01-02T03:04:05.678Z ERROR [agent-3] task 9 failed\n" + joined("")) == kTwo);
  CHECK(lines("2026-01-02 03:04:05 ERROR job 7 failed\nerror: cannot open x") == std::vector<std::string>{"error: cannot open x"});
  CHECK(lines("exit status 1 after 3.2s") == std::vector<std::string>{"exit status 1 after 3.2s"});
  CHECK(lines("2026-01-02 03:04:05 TypeError: x\n    at load (a.js:1:2)\n    at main (a.js:9:9)").front() == "TypeError: x");
}

TEST_CASE("hostile logs are read in bounded space", "[lines]") {
  LogLines reader;
  reader.read({});
  CHECK(reader.lines().empty());
  reader.read(std::string(10'000'000, 'x'));
  CHECK(reader.lines().size() == 1);
  std::string many;
  for (int i = 0; i < 1'000'000; ++i) many += std::to_string(i) + "\n";
  reader.read(many);
  REQUIRE(reader.lines().size() == LogLines::kLinesMax);
  CHECK(reader.lines().front() == "0");
  CHECK(reader.lines().back() == "999999");
  reader.read(std::string(50'000'000, '\x1b'));
  CHECK(reader.lines().size() <= LogLines::kLinesMax);
  reader.read(std::string_view("a\0b\xff\xfe\n\x1b", 7));
  CHECK(reader.lines().front() == std::string_view("a\0b\xff\xfe", 5));
}

TEST_CASE("a log of blanks and control characters is blank", "[lines]") {
  CHECK(is_blank_log(""));
  CHECK(is_blank_log(std::string("\0\0 \n\t\r\x1b", 7)));
  CHECK_FALSE(is_blank_log("  ?\n"));
  CHECK_FALSE(is_blank_log("\xe6\x97\xa5"));
}

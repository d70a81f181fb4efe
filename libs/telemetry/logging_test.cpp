#include "libs/telemetry/logging.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>
#include <vector>

#include "libs/telemetry/trace.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;

namespace {

/// What `body` makes the process write to stderr, as parsed lines.
template <class Body>
std::vector<boost::json::object> stderr_of(Body body) {
  const swarm::testing::TempDir dir;
  const std::string path = (dir.path() / "log").string();
  const int saved = dup(STDERR_FILENO);
  const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  dup2(file, STDERR_FILENO);
  body();
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(file);
  std::vector<boost::json::object> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(boost::json::parse(line).as_object());
  return out;
}

}  // namespace

TEST_CASE("lines of the level and above reach stderr as JSON", "[log]") {
  const auto lines = stderr_of([] {
    log::info("before the start nothing is written");
    REQUIRE(log::start("svc", "info"));
    log::debug("hidden");
    log::info("one", {{"n", 1}});
    REQUIRE(log::set_level("debug"));
    log::debug("two");
    CHECK(!log::set_level("loud"));
    log::stop();
    log::error("after the end nothing is written");
  });
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("msg").as_string() == "one");
  CHECK(lines[0].at("service").as_string() == "svc");
  CHECK(lines[0].at("n").as_int64() == 1);
  CHECK(lines[1].at("level").as_string() == "debug");
}

TEST_CASE("a wrong level is an error that names it", "[log]") {
  const auto started = log::start("svc", "loud");
  REQUIRE(!started);
  CHECK(started.error().message == "log level is none of debug, info, warn, error: loud");
}

TEST_CASE("every thread's lines arrive whole, and a full queue is counted", "[log]") {
  constexpr int kThreads = 4;
  constexpr int kLines = 5000;
  const auto before = log::dropped();
  const auto lines = stderr_of([] {
    REQUIRE(log::start("svc", "info"));
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([t] {
        const auto context = trace::start();
        const trace::Scope scope(context);
        for (int i = 0; i < kLines; ++i) log::info("x", {{"t", t}, {"i", i}});
      });
    }
    for (auto& thread : threads) thread.join();
    log::stop();
  });
  CHECK(lines.size() + (log::dropped() - before) == kThreads * kLines);
  for (const auto& line : lines) REQUIRE(line.contains("trace_id"));
}

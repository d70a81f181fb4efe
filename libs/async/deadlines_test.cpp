#include "libs/async/deadlines.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <vector>

namespace swarm::async {
namespace {

using namespace std::chrono_literals;

struct Probe final : Deadlines::Watched {
  explicit Probe(std::function<void()> action) : act(std::move(action)) {}
  void on_deadline() override { act(); }
  std::function<void()> act;
};

TEST_CASE("deadlines fire once, in time, and not when disarmed or gone", "[deadlines]") {
  boost::asio::io_context io;
  Deadlines deadlines(io, 2ms);
  int early = 0;
  int late = 0;
  Probe a([&] { ++early; });
  Probe b([&] { ++late; deadlines.stop(); });
  Probe off([&] { FAIL("disarmed"); });
  auto gone = std::make_unique<Probe>([&] { FAIL("gone"); });
  deadlines.arm(a, 5ms);
  deadlines.arm(b, 40ms);
  deadlines.arm(off, 5ms);
  deadlines.arm(*gone, 5ms);
  Deadlines::disarm(off);
  gone.reset();
  const auto start = std::chrono::steady_clock::now();
  io.run();
  REQUIRE(std::chrono::steady_clock::now() - start >= 38ms);
  REQUIRE(early == 1);
  REQUIRE(late == 1);
}

TEST_CASE("a deadline may destroy itself or arm itself again while others fire", "[deadlines]") {
  boost::asio::io_context io;
  Deadlines deadlines(io, 1ms);
  std::vector<std::unique_ptr<Probe>> probes(8);
  int fired = 0;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    probes[i] = std::make_unique<Probe>([&, i] {
      ++fired;
      if (i % 2 == 0) {
        probes[i].reset();
      } else if (fired < 50) {
        deadlines.arm(*probes[i], 1ms);
      } else {
        deadlines.stop();
      }
    });
    deadlines.arm(*probes[i], 1ms);
  }
  io.run();
  REQUIRE(fired >= 50);
}

}  // namespace
}  // namespace swarm::async

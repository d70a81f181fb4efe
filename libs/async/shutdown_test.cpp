#include "libs/async/shutdown.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <string>

TEST_CASE("the first signal drains, the second one hurries", "[shutdown]") {
  boost::asio::io_context io;
  std::string log;
  swarm::async::Shutdown shutdown(
      io,
      [&] {
        log += "drain ";
        std::raise(SIGINT);
      },
      [&] { log += "hurry"; });
  std::raise(SIGTERM);
  io.run();
  CHECK(log == "drain hurry");
}

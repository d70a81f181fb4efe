#include "libs/rpc/status.hpp"

#include <catch2/catch.hpp>

using namespace swarm;

TEST_CASE("an error is its status and back, unless its message is too long for a header", "[status]") {
  const Error error{Code::NotFound, "no task id=ü"};
  CHECK(rpc::from_status(rpc::to_status(error)).message == error.message);
  CHECK(rpc::from_status(rpc::to_status(error)).code == Code::NotFound);
  std::string text;
  while (text.size() < 1'000'000) text += "€";
  const auto message = rpc::to_status({Code::NotFound, text}).error_message();
  CHECK(message.substr(message.size() - 9) == "€ […]");
  CHECK(message.size() < 2'010);
}

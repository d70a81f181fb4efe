#include "libs/rpc/unreadable.hpp"

#include <catch2/catch.hpp>

#include "protos/orchestrator.pb.h"

using namespace swarm::rpc;

TEST_CASE("a message that nobody touched is none that can't be read", "[rpc]") {
  orchestrator::TaskRef message;
  message.set_task_id("of the read before");
  mark_unread(message);
  mark_unread(message);
  CHECK_FALSE(is_unreadable(message));
}

TEST_CASE("bytes that are no message are told from the end of a stream, whatever stood before them", "[rpc]") {
  const std::string unknown_field("\x98\x06\x01", 3);
  for (const std::string& bytes : {std::string("\xff\xff"), std::string("\x0a\xff"), unknown_field + "\x0a\xff"}) {
    orchestrator::TaskRef message;
    mark_unread(message);
    CHECK_FALSE(message.ParseFromString(bytes));
    CHECK(is_unreadable(message));
  }
}

TEST_CASE("the mark does not stay in a message that was read", "[rpc]") {
  orchestrator::TaskRef message;
  mark_unread(message);
  REQUIRE(message.ParseFromString(std::string("\x0a\x01x", 3)));
  CHECK(message.ByteSizeLong() == 3);
}

#include "libs/base/uuid.hpp"

#include <catch2/catch.hpp>

using namespace swarm;

TEST_CASE("a version 7 UUID holds its time, version and variant", "[uuid]") {
  const WallTime t(std::chrono::milliseconds(0x017F22E279B0));
  // The example of RFC 9562, appendix A.6.
  CHECK(uuid_v7(t, 0xCC3, 0x18C4DC0C0C07398F) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST_CASE("UUIDs of rising times sort in that order and never repeat", "[uuid]") {
  std::string last;
  for (int ms = 0; ms < 1000; ++ms) {
    const auto id = uuid_v7(WallTime(std::chrono::milliseconds(1'700'000'000'000 + ms)));
    CHECK(is_uuid(id));
    CHECK(last < id);
    last = id;
  }
  const WallTime same(std::chrono::milliseconds(1));
  CHECK(uuid_v7(same) != uuid_v7(same));
}

TEST_CASE("what is not a UUID is told apart", "[uuid]") {
  CHECK(is_uuid("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"));
  CHECK_FALSE(is_uuid(""));
  CHECK_FALSE(is_uuid("017F22E2079B0-7CC3-98C4-DC0C0C07398F"));
  CHECK_FALSE(is_uuid("017F22E2-79B0-7CC3-98C4-DC0C0C07398G"));
}

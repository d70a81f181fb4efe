#include "libs/rpc/peer_counts.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>
#include <set>

using namespace swarm;
using namespace swarm::rpc;
using namespace std::chrono_literals;

namespace {

Peer v4(const char* address, std::uint16_t port = 1) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  REQUIRE(inet_pton(AF_INET, address, &a.sin_addr) == 1);
  return *peer_of(reinterpret_cast<const sockaddr*>(&a));
}
Peer v6(const char* address, std::uint16_t port = 1) {
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  a.sin6_port = htons(port);
  REQUIRE(inet_pton(AF_INET6, address, &a.sin6_addr) == 1);
  return *peer_of(reinterpret_cast<const sockaddr*>(&a));
}

struct Fixture {
  std::set<int> closed;
  int looks = 0;
  BootTime now{1s};
  PeerCounts counts{{10, 3}, [this](int descriptor, const Peer&) {
                      ++looks;
                      return !closed.contains(descriptor);
                    }};
};

}  // namespace

TEST_CASE("a peer is an IPv4 address, mapped or not, or an IPv6 /64", "[rpc][peers]") {
  CHECK(v4("10.0.0.1", 1).network == v4("10.0.0.1", 2).network);
  CHECK(v4("10.0.0.1").network == v6("::ffff:10.0.0.1").network);
  CHECK(v4("10.0.0.1").network != v4("10.0.0.2").network);
  CHECK(v6("2001:db8::1").network == v6("2001:db8::2:3").network);
  CHECK(v6("2001:db8::1").network != v6("2001:db8:0:1::1").network);
  CHECK(v4("127.9.9.9").loopback());
  CHECK(v6("::1").loopback());
  CHECK(v6("::ffff:127.0.0.1").loopback());
  CHECK_FALSE(v6("::").loopback());
  CHECK_FALSE(v4("128.0.0.1").loopback());
  sockaddr other{};
  other.sa_family = AF_UNIX;
  CHECK_FALSE(peer_of(&other));
}

TEST_CASE_METHOD(Fixture, "one peer gets its share and no more, and what it closes comes back", "[rpc][peers]") {
  for (int i = 0; i < 3; ++i) CHECK(counts.admit(10 + i, v4("10.0.0.1"), now));
  CHECK_FALSE(counts.admit(20, v4("10.0.0.1"), now));
  CHECK(counts.admit(20, v4("10.0.0.2"), now));
  closed = {11};
  CHECK_FALSE(counts.admit(21, v4("10.0.0.1"), now + 5ms));  // too early for another look
  CHECK(counts.admit(21, v4("10.0.0.1"), now + 20ms));
  CHECK(counts.total() == 4);
}

TEST_CASE_METHOD(Fixture, "a descriptor that comes again was closed", "[rpc][peers]") {
  for (int i = 0; i < 100; ++i) CHECK(counts.admit(10, v4("10.0.0.1"), now));
  CHECK(counts.total() == 1);
  CHECK(looks == 0);
}

TEST_CASE_METHOD(Fixture, "the limit for all holds over all peers", "[rpc][peers]") {
  for (int i = 0; i < 10; ++i) CHECK(counts.admit(i, v4(("10.0.1." + std::to_string(i)).c_str()), now));
  CHECK_FALSE(counts.admit(10, v4("10.0.2.1"), now));
}

TEST_CASE_METHOD(Fixture, "a flood beyond the limit costs a look in 10 ms", "[rpc][peers]") {
  for (int i = 0; i < 3; ++i) CHECK(counts.admit(i, v4("10.0.0.1"), now));
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(counts.admit(50, v4("10.0.0.1"), now));
  CHECK(looks == 3);
}

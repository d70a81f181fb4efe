#include "libs/rpc/frame_limits.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace swarm::rpc {
namespace {

using namespace std::chrono_literals;

constexpr BootTime kNow{std::chrono::hours(1)};
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string frame(std::uint8_t type, std::uint8_t flags, std::size_t length) {
  std::string bytes(9 + length, '\0');
  bytes[0] = static_cast<char>(length >> 16);
  bytes[1] = static_cast<char>(length >> 8);
  bytes[2] = static_cast<char>(length);
  bytes[3] = static_cast<char>(type);
  bytes[4] = static_cast<char>(flags);
  bytes[8] = 1;
  return bytes;
}

std::string data(std::size_t length) { return frame(0, 0, length); }
std::string headers(std::size_t length, bool last) { return frame(1, last ? 4 : 0, length); }
std::string reset() { return frame(3, 0, 4); }
std::string ping() { return frame(6, 0, 8); }
std::string window_update() { return frame(8, 0, 4); }
std::string continuation(std::size_t length, bool last) { return frame(9, last ? 4 : 0, length); }

std::string_view feed(FrameLimits& limits, const std::string& bytes, BootTime now = kNow, bool pressure = false) {
  return limits.scan({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, now, pressure);
}

FrameLimits opened() {
  FrameLimits limits;
  feed(limits, std::string(kPreface));
  return limits;
}

}  // namespace

TEST_CASE("a connection that carries calls is left alone", "[frame_limits]") {
  auto limits = opened();
  for (int i = 0; i < 100'000; ++i) {
    REQUIRE(feed(limits, headers(200, true) + data(1000) + window_update()).empty());
  }
}

TEST_CASE("frames are understood wherever the bytes are cut", "[frame_limits]") {
  std::string bytes(kPreface);
  for (int i = 0; i < 3; ++i) bytes += headers(30'000, false) + continuation(20'000, true) + data(17) + ping();
  const auto calm = bytes.size();
  bytes += headers(60'000, false) + continuation(6'000, true);
  const auto violation_ends = calm + 9 + 60'000 + 9;
  for (const std::size_t piece : {1u, 2u, 7u, 9u, 4096u, 65'536u}) {
    FrameLimits limits;
    std::size_t at = 0;
    std::string_view violation;
    while (violation.empty() && at < bytes.size()) {
      violation = feed(limits, bytes.substr(at, piece));
      at += piece;
    }
    CHECK(violation == "sends too large headers");
    CHECK(at >= violation_ends);
    CHECK(at < violation_ends + piece);
  }
}

TEST_CASE("what is no HTTP/2 is told, at its first byte or in the middle of the greeting", "[frame_limits]") {
  for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "PRI * HTTP/1.1", "PUT"}) {
    FrameLimits limits;
    CHECK(feed(limits, bytes).empty());
    CHECK(limits.foreign());
    CHECK(feed(limits, "anything").empty());
  }
  FrameLimits in_pieces;
  feed(in_pieces, "PRI * H");
  CHECK_FALSE(in_pieces.foreign());
  feed(in_pieces, "ello");
  CHECK(in_pieces.foreign());
  FrameLimits a_server;
  feed(a_server, frame(4, 0, 0));
  CHECK_FALSE(a_server.foreign());
  CHECK_FALSE(opened().foreign());
}

TEST_CASE("a header block may be as large as the limit, and no larger", "[frame_limits]") {
  auto limits = opened();
  CHECK(feed(limits, headers(FrameLimits::kHeaderBlockBytesMax, true)).empty());
  CHECK(feed(limits, headers(FrameLimits::kHeaderBlockBytesMax + 1, true)) == "sends too large headers");
}

TEST_CASE("endless empty continuations are an attack", "[frame_limits]") {
  auto limits = opened();
  feed(limits, headers(10, false));
  for (std::uint32_t i = 0; i < FrameLimits::kContinuationsMax; ++i) REQUIRE(feed(limits, continuation(0, false)).empty());
  CHECK(feed(limits, continuation(0, false)) == "continues its headers too often");
}

TEST_CASE("a burst of resets passes, a stream of them does not", "[frame_limits]") {
  auto limits = opened();
  for (int i = 0; i < static_cast<int>(FrameLimits::kResetsBurst); ++i) REQUIRE(feed(limits, headers(50, true) + reset()).empty());
  CHECK(feed(limits, headers(50, true) + reset()) == "resets too many streams");

  auto patient = opened();
  for (int second = 0; second < 100; ++second) {
    for (int i = 0; i < static_cast<int>(FrameLimits::kResetsPerSecond); ++i) {
      REQUIRE(feed(patient, headers(50, true) + reset(), kNow + std::chrono::seconds(second)).empty());
    }
  }
}

TEST_CASE("under pressure a connection may open a few streams, not many", "[frame_limits]") {
  auto limits = opened();
  for (int i = 0; i < 10'000; ++i) REQUIRE(feed(limits, headers(50, true)).empty());
  int opened_under_pressure = 0;
  while (feed(limits, headers(50, true), kNow, true).empty()) ++opened_under_pressure;
  CHECK(opened_under_pressure == static_cast<int>(FrameLimits::kOpensUnderPressureBurst));
}

TEST_CASE("floods of frames that carry no call are an attack", "[frame_limits]") {
  const auto flood = GENERATE(ping(), frame(4, 0, 0), frame(2, 0, 5), data(0), frame(0x77, 0, 3), frame(7, 0, 8));
  auto limits = opened();
  int passed = 0;
  while (feed(limits, flood).empty()) ++passed;
  CHECK(passed == static_cast<int>(FrameLimits::kControlsBurst));
}

TEST_CASE("an empty DATA frame that ends a stream is no attack", "[frame_limits]") {
  auto limits = opened();
  for (int i = 0; i < 100'000; ++i) REQUIRE(feed(limits, frame(0, 1, 0)).empty());
}

TEST_CASE("what a peer of our own sends to us is not judged", "[frame_limits]") {
  FrameLimits limits;
  feed(limits, frame(4, 0, 0));
  for (int i = 0; i < 100'000; ++i) REQUIRE(feed(limits, reset()).empty());
}

}  // namespace swarm::rpc

#include "libs/http/chunked.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>

namespace swarm::http {
namespace {

/// Feeds the text in pieces of `piece` bytes; the body, or the fault.
Result<std::string, WireFault> decode(std::string text, std::size_t piece, std::string* rest = nullptr) {
  ChunkedDecoder decoder(1000);
  std::string body;
  std::size_t at = 0;
  while (at < text.size() && !decoder.done()) {
    const std::size_t n = std::min(piece, text.size() - at);
    const auto step = decoder.decode(text.data() + at, n);
    if (!step) return step.error();
    body.append(text.data() + at, step.value().payload);
    at += step.value().consumed;
  }
  if (rest != nullptr) *rest = text.substr(at);
  if (!decoder.done()) return WireFault::BadChunk;
  return body;
}

TEST_CASE("chunks are joined whatever the pieces they arrive in", "[chunked]") {
  const std::string wire = "5\r\nhello\r\nA;ext=\"x\"\r\n, world!!!\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\nNEXT";
  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    std::string rest;
    REQUIRE(decode(wire, piece, &rest).value() == "hello, world!!!");
    REQUIRE(rest == "NEXT");
  }
}

TEST_CASE("malformed chunks are refused", "[chunked][smuggling]") {
  for (const char* bad : {"\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\r\n", "5\r\nhello0\r\n\r\n", "0x5\r\nhello\r\n",
                          "-1\r\n", "fffffffffffffffff\r\n", "5;a\nhello\r\n", "0\r\nA: b\n\r\n", "5\r\nhelloXX0\r\n"}) {
    for (std::size_t piece : {1U, 3U, 100U}) REQUIRE_FALSE(decode(bad, piece));
  }
  REQUIRE(decode("3e9\r\n", 100).error() == WireFault::BodyTooLong);
  REQUIRE(decode("1;" + std::string(5000, 'a'), 100).error() == WireFault::BadChunk);
  REQUIRE(decode("0\r\n" + std::string(5000, 'a'), 100).error() == WireFault::BadChunk);
}

TEST_CASE("what is written as a chunk is read again", "[chunked]") {
  for (const std::size_t n : {1U, 15U, 16U, 255U, 999U}) {
    char head[kChunkHeadMax];
    std::string wire(head, write_chunk_head(head, n));
    wire += std::string(n, 'x') + "\r\n0\r\n\r\n";
    REQUIRE(decode(wire, 7).value() == std::string(n, 'x'));
  }
}

TEST_CASE("random bytes never make the decoder claim more than it was given", "[chunked][fuzz]") {
  std::mt19937 random(5);
  const std::string alphabet = "0123456789abcdef\r\n;: x";
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 60, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    std::vector<char> exact(text.begin(), text.end());
    ChunkedDecoder decoder(100);
    if (const auto step = decoder.decode(exact.data(), exact.size())) {
      REQUIRE(step.value().payload <= step.value().consumed);
      REQUIRE(step.value().consumed <= exact.size());
    }
  }
}

}  // namespace
}  // namespace swarm::http

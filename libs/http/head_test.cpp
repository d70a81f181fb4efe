#include "libs/http/head.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

namespace swarm::http {
namespace {

const std::string kGood =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX-Api-Key:  secret \r\n\r\n";

WireFault request_fault(const std::string& text) {
  Head head;
  const auto got = parse_request(text, head);
  REQUIRE_FALSE(got);
  return got.error();
}

std::string with(const std::string& lines) { return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"; }

TEST_CASE("a request's head is read as views, header names in any case", "[head]") {
  Head head;
  const std::string text = kGood + "body";
  REQUIRE(parse_request(text, head).value() == kGood.size());
  REQUIRE(head.method == "POST");
  REQUIRE(head.target == "/v1/chat/completions");
  REQUIRE(head.content_length == 12U);
  REQUIRE(head.find("x-api-key") == "secret");
  REQUIRE(head.find("absent").empty());
  REQUIRE(head.keep_alive);
  REQUIRE(parse_request(with("Connection: close\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n"), head).value() > 0);
  REQUIRE_FALSE(head.keep_alive);
  REQUIRE(head.chunked);
  REQUIRE(head.expect_continue);
}

TEST_CASE("a head that is cut anywhere is incomplete, not wrong", "[head]") {
  Head head;
  for (std::size_t n = 0; n < kGood.size(); ++n) {
    const auto got = parse_request(std::string_view(kGood).substr(0, n), head);
    REQUIRE(got);
    REQUIRE(got.value() == 0);
  }
}

TEST_CASE("what lets two parsers disagree about a message is refused", "[head][smuggling]") {
  REQUIRE(request_fault(with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")) == WireFault::LengthAndChunked);
  REQUIRE(request_fault(with("Content-Length: 1\r\nContent-Length: 1\r\n")) == WireFault::BadContentLength);
  for (const char* bad : {"+1", "-1", "1 1", "0x1", "", "1,1", "99999999999999999999"}) {
    REQUIRE(request_fault(with(std::string("Content-Length: ") + bad + "\r\n")) == WireFault::BadContentLength);
  }
  for (const char* bad : {"identity", "chunked, chunked", "gzip, chunked", "xchunked", "\vchunked"}) {
    const auto fault = request_fault(with(std::string("Transfer-Encoding: ") + bad + "\r\n"));
    REQUIRE((fault == WireFault::BadTransferEncoding || fault == WireFault::BadHeader));
  }
  REQUIRE(request_fault(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")) == WireFault::BadTransferEncoding);
  REQUIRE(request_fault("GET / HTTP/1.1\nHost: a\n\n") == WireFault::BareLineFeed);
  REQUIRE(request_fault(with("A: b\nC: d\r\n")) == WireFault::BareLineFeed);
  REQUIRE(request_fault(with("A: b\r\n c\r\n")) == WireFault::FoldedLine);
  REQUIRE(request_fault(with("Content-Length : 1\r\n")) == WireFault::BadHeader);
  REQUIRE(request_fault(with("A: b\rC: d\r\n")) == WireFault::BadHeader);
  REQUIRE(request_fault(with(": b\r\n")) == WireFault::BadHeader);
  REQUIRE(request_fault(with("no colon\r\n")) == WireFault::BadHeader);
  REQUIRE(request_fault(with(std::string("A: \0b\r\n", 7))) == WireFault::BadHeader);
  REQUIRE(request_fault(with("Host: b\r\n")) == WireFault::BadHost);
  REQUIRE(request_fault("GET / HTTP/1.1\r\n\r\n") == WireFault::BadHost);
  REQUIRE(request_fault("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == WireFault::BadTransferEncoding);
}

TEST_CASE("malformed start lines and floods of headers are refused", "[head]") {
  for (const char* bad : {"GET /\r\n", "GET  / HTTP/1.1\r\n", " / HTTP/1.1\r\n", "G(T / HTTP/1.1\r\n", "GET /\t HTTP/1.1\r\n"}) {
    REQUIRE(request_fault(bad + std::string("Host: a\r\n\r\n")) == WireFault::BadStartLine);
  }
  for (const char* other : {"\x16\x03\x01", "\r", "{"}) REQUIRE(request_fault(other) == WireFault::BadStartLine);
  REQUIRE(request_fault("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == WireFault::BadVersion);
  std::string many;
  for (std::size_t i = 0; i < kHeadersMax; ++i) many += "a: b\r\n";
  REQUIRE(request_fault(with(many)) == WireFault::TooManyHeaders);
}

TEST_CASE("a response's status is read strictly", "[head]") {
  Head head;
  REQUIRE(parse_response("HTTP/1.1 429 Too Many\r\nRetry-After: 2\r\n\r\n", head).value() > 0);
  REQUIRE(head.status == 429);
  REQUIRE(parse_response("HTTP/1.1 200\r\n\r\n", head).value() > 0);
  for (const char* bad : {"HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "ICY 200 OK what\r\n\r\n"}) {
    REQUIRE_FALSE(parse_response(bad, head));
  }
}

TEST_CASE("no mutation of a head makes the parser read outside it", "[head][fuzz]") {
  std::mt19937 random(3);
  Head head;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = kGood;
    for (unsigned n = random() % 4; n-- > 0;) text[random() % text.size()] = static_cast<char>(random());
    text.resize(random() % (text.size() + 1));
    const std::vector<char> exact(text.begin(), text.end());
    const std::string_view view(exact.data(), exact.size());
    if (const auto got = parse_request(view, head)) REQUIRE(got.value() <= exact.size());
    (void)parse_response(view, head);
  }
}

}  // namespace
}  // namespace swarm::http

// Heads of HTTP messages: read once and piece by piece they must come out the same, and nothing may be read beyond the end.
#include <memory>

#include "libs/http/head.hpp"
#include "libs/testing/fuzz.hpp"

namespace {

using namespace swarm;
using Parse = Result<std::size_t, http::WireFault> (*)(std::string_view, http::Head&);

void check(Parse parse, std::string_view text) {
  // Memory of its own, so that a checker sees one byte too many.
  const std::unique_ptr<char[]> copy(new char[text.size()]);
  std::copy(text.begin(), text.end(), copy.get());
  const std::string_view data(copy.get(), text.size());
  http::Head head;
  const auto whole = parse(data, head);
  if (!whole) return;
  SWARM_CHECK(whole.value() <= data.size(), "a head ends within its bytes");
  SWARM_CHECK(head.headers.size() <= http::kHeadersMax, "headers are bounded");
  SWARM_CHECK(whole.value() == 0 || !head.chunked || !head.content_length, "a body has one length");
  for (const auto& header : head.headers) {
    if (whole.value() == 0) break;
    SWARM_CHECK(header.value.data() >= data.data() && header.value.data() + header.value.size() <= data.data() + data.size(), "views point into the bytes");
    SWARM_CHECK(header.value.find_first_of("\r\n") == std::string_view::npos, "no line break within a header");
  }
  if (whole.value() == 0) return;
  for (std::size_t n = 0; n < whole.value(); n += 1 + n / 8) {
    http::Head part;
    const auto begun = parse(data.substr(0, n), part);
    SWARM_CHECK(begun && begun.value() == 0, "the beginning of a good head is incomplete, not wrong");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(http::parse_request, text);
  check(http::parse_response, text);
  return 0;
}

std::vector<std::string> swarm::testing::fuzz_seeds() {
  return {"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk\r\ncontent-length: 12\r\n\r\n",
          "GET /v1/models HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
          "POST / HTTP/1.0\r\nhost: y\r\ntransfer-encoding: chunked\r\nx:\t a b \r\n\r\n",
          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
          "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"};
}

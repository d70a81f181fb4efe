// Chunked bodies and server-sent events: however the bytes are cut, the same must come out.
#include <algorithm>

#include "libs/http/chunked.hpp"
#include "libs/http/sse.hpp"
#include "libs/testing/fuzz.hpp"

namespace {

using namespace swarm;

struct Decoded {
  std::string body;
  bool good = true;
  bool done = false;
};

Decoded decode(std::string_view wire, std::size_t piece_max) {
  constexpr std::uint64_t kBodyMax = 32 * 1024;
  http::ChunkedDecoder decoder(kBodyMax);
  Decoded all;
  while (!wire.empty() && !decoder.done()) {
    std::string piece(wire.substr(0, piece_max));
    const auto step = decoder.decode(piece.data(), piece.size());
    all.good = step.has_value();
    if (!all.good) break;
    SWARM_CHECK(step.value().payload <= step.value().consumed && step.value().consumed <= piece.size(), "no more comes out than went in");
    all.body.append(piece, 0, step.value().payload);
    wire.remove_prefix(step.value().consumed);
    if (step.value().consumed < piece.size()) break;
  }
  all.done = decoder.done();
  SWARM_CHECK(all.body.size() <= kBodyMax, "a body is bounded");
  return all;
}

void check_chunks(std::string_view wire) {
  const Decoded whole = decode(wire, wire.size());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    const Decoded parts = decode(wire, piece);
    SWARM_CHECK(parts.good == whole.good && parts.done == whole.done, "pieces are judged like the whole");
    SWARM_CHECK(!whole.good || parts.body == whole.body, "pieces give the whole's body");
  }
}

void check_events(std::string_view text) {
  std::string scratch;
  std::string_view rest = text;
  while (const std::size_t length = http::sse_event_length(rest)) {
    SWARM_CHECK(length <= rest.size(), "an event ends within its bytes");
    const std::string_view bytes = rest.substr(0, length);
    // A carriage return at the end may be half a line's end.
    SWARM_CHECK(http::sse_event_length(bytes) == length || bytes.ends_with('\r'), "an event is one by itself");
    const http::SseEvent event = http::parse_sse_event(bytes, scratch);
    SWARM_CHECK(event.event.size() <= length && event.data.size() <= length, "fields are parts of the event");
    rest.remove_prefix(length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_chunks(text);
  check_events(text);
  return 0;
}

std::vector<std::string> swarm::testing::fuzz_seeds() {
  return {"5\r\nhello\r\n0\r\n\r\n", "A;ext=1\r\n0123456789\r\n3\r\nabc\r\n0\r\ntrailer: x\r\n\r\nGET /", "0\r\n\r\n",
          "data: {\"a\":1}\n\n", "event: x\r\ndata: one\r\ndata: two\r\nid: 7\r\n\r\n: ping\n\ndata:z\r\rretry: 5\n\n", "data\n\n\n\n"};
}

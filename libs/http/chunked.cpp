#include "libs/http/chunked.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace swarm::http {
namespace {

constexpr std::uint32_t kControlBytesMax = 4096;
constexpr std::uint32_t kSizeDigitsMax = 15;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void ChunkedDecoder::end_of_size() {
  state_ = left_in_chunk_ > 0 ? State::Data : State::Trailer;
  line_length_ = control_bytes_ = 0;
}

Result<void, WireFault> ChunkedDecoder::take_control(char c) {
  if (++control_bytes_ > kControlBytesMax) return WireFault::BadChunk;
  switch (state_) {
    case State::Size:
      if (const int digit = hex(c); digit >= 0) {
        if (++line_length_ > kSizeDigitsMax) return WireFault::BadChunk;
        left_in_chunk_ = left_in_chunk_ * 16 + static_cast<std::uint64_t>(digit);
        break;
      }
      if (line_length_ == 0 || (c != ';' && c != '\r')) return WireFault::BadChunk;
      if (left_in_chunk_ > left_in_body_) return WireFault::BodyTooLong;
      state_ = c == ';' ? State::Extension : State::SizeEnd;
      break;
    case State::Extension:
      if (c == '\n') return WireFault::BareLineFeed;
      if (c == '\r') state_ = State::SizeEnd;
      break;
    case State::SizeEnd:
      if (c != '\n') return WireFault::BadChunk;
      end_of_size();
      break;
    case State::DataCr:
      if (c != '\r') return WireFault::BadChunk;
      state_ = State::DataLf;
      break;
    case State::DataLf:
      if (c != '\n') return WireFault::BadChunk;
      state_ = State::Size;
      control_bytes_ = 0;
      break;
    case State::Trailer:
      if (c == '\n') return WireFault::BareLineFeed;
      if (c == '\r') state_ = State::TrailerLf;
      else ++line_length_;
      break;
    case State::TrailerLf:
      if (c != '\n') return WireFault::BadChunk;
      state_ = line_length_ == 0 ? State::Done : State::Trailer;
      line_length_ = 0;
      break;
    case State::Data:
    case State::Done: break;
  }
  return outcome::success();
}

Result<ChunkedDecoder::Step, WireFault> ChunkedDecoder::decode(char* data, std::size_t size) {
  Step step;
  while (step.consumed < size && state_ != State::Done) {
    if (state_ != State::Data) {
      BOOST_OUTCOME_TRYV(take_control(data[step.consumed++]));
      continue;
    }
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left_in_chunk_, size - step.consumed));
    if (step.payload != step.consumed) std::memmove(data + step.payload, data + step.consumed, n);
    step.payload += n;
    step.consumed += n;
    left_in_chunk_ -= n;
    left_in_body_ -= n;
    if (left_in_chunk_ == 0) state_ = State::DataCr;
  }
  return step;
}

std::size_t write_chunk_head(char* out, std::size_t payload) {
  char* end = std::to_chars(out, out + kChunkHeadMax - 2, payload, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<std::size_t>(end - out);
}

}  // namespace swarm::http

#pragma once

#include <cstddef>
#include <cstdint>

#include "libs/http/head.hpp"

namespace swarm::http {

/// Takes the framing out of a chunked body, piece by piece as the bytes arrive. Trailers are dropped. Strict: bare line
/// feeds and white space in size lines are refused; chunk extensions are skipped up to a bound.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(std::uint64_t body_bytes_max = UINT64_MAX) : left_in_body_(body_bytes_max) {}

  struct Step {
    std::size_t consumed = 0;  // of the bytes given; the rest belongs to what follows the body
    std::size_t payload = 0;   // these many bytes of body now stand at the beginning of the bytes given
  };
  /// Moves the payload within `data` to its front.
  Result<Step, WireFault> decode(char* data, std::size_t size);
  bool done() const { return state_ == State::Done; }

 private:
  enum class State : std::uint8_t { Size, Extension, SizeEnd, Data, DataCr, DataLf, Trailer, TrailerLf, Done };
  Result<void, WireFault> take_control(char c);
  void end_of_size();

  std::uint64_t left_in_body_;
  std::uint64_t left_in_chunk_ = 0;
  std::uint32_t line_length_ = 0;
  std::uint32_t control_bytes_ = 0;  // of this size line, or of all trailers
  State state_ = State::Size;
};

/// Room for "ffffffff\r\n".
inline constexpr std::size_t kChunkHeadMax = 18;
/// Writes a chunk's size line and returns its length.
std::size_t write_chunk_head(char* out, std::size_t payload);

}  // namespace swarm::http

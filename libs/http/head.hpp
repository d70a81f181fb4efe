#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::http {

/// Why a head or a chunked body was refused. Each is an attack or a defect of the peer: answer 400 (or 431, 501, 505)
/// and close, never guess.
enum class WireFault : std::uint8_t {
  BadStartLine,
  BadVersion,           // neither HTTP/1.1 nor HTTP/1.0
  BadHeader,            // control character, empty name, white space before the colon
  BareLineFeed,         // a line that ends without a carriage return
  FoldedLine,           // obs-fold
  BadContentLength,     // not a number, or given twice
  LengthAndChunked,     // Content-Length with Transfer-Encoding
  BadTransferEncoding,  // anything but one "chunked"
  BadHost,              // none or several
  HeadTooLong,
  TooManyHeaders,
  BadChunk,
  BodyTooLong,
};
std::string_view name(WireFault fault);

struct Header {
  std::string_view name;
  std::string_view value;  // without white space around it
};

/// The head of one HTTP/1.x message: views into the bytes that were parsed, valid as long as these stay where they are.
/// Meant to be reused for message after message, so that parsing allocates nothing.
struct Head {
  std::string_view method;  // of a request
  std::string_view target;
  int status = 0;           // of a response
  std::vector<Header> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool v11 = true;          // of a request: HTTP/1.1, not 1.0
  bool keep_alive = true;
  bool expect_continue = false;

  /// The first header of that name (given in lower case), or an empty view.
  std::string_view find(std::string_view lower_case_name) const;
};

inline constexpr std::size_t kHeadersMax = 100;

/// Parses strictly after RFC 9112: every tolerance that lets two parsers disagree about where a message ends is refused.
/// Returns the head's length including the empty line, or 0 while it is incomplete (the start line and line ends are
/// checked already, and a first byte that begins no request). Never reads beyond `data`.
Result<std::size_t, WireFault> parse_request(std::string_view data, Head& head);
Result<std::size_t, WireFault> parse_response(std::string_view data, Head& head);

bool equals_ignoring_case(std::string_view text, std::string_view lower_case);

}  // namespace swarm::http

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/catalog.hpp"
#include "libs/base/result.hpp"

namespace swarm::gateway {

/// A prompt as the swarm's agents send it over gRPC.
struct Prompt {
  std::string text;
  std::string model;
  std::string system;
  bool json_mode = false;
  std::string tools_json;
  std::string messages_json;  // overrides text
};

/// Port: a prompt as a request body of a dialect, and an answer's body as text.
class CompletionCodec {
 public:
  virtual ~CompletionCodec() = default;
  /// InvalidArgument when messages_json or tools_json are not JSON lists.
  virtual Result<std::string> request(const Prompt& prompt, Dialect dialect) = 0;
  /// The text of the answer; of tool calls without text, their JSON. Unavailable when it can't be read.
  virtual Result<std::string> text(std::string_view body, Dialect dialect) = 0;
  /// The message of an error body, as far as there is one.
  virtual std::string error_text(std::string_view body) = 0;
  /// The JSON value in a text that may put words or a code fence around it; nothing when there is none that parses.
  virtual std::optional<std::string> json_in(std::string_view text) = 0;
};

}  // namespace swarm::gateway

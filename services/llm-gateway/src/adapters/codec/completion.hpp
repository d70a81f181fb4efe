#pragma once

#include "ports/completion_codec.hpp"

namespace swarm::gateway {

/// Prompts and answers in both dialects, through Boost.JSON: comfort, not the hot path. Thread-safe.
class JsonCompletionCodec final : public CompletionCodec {
 public:
  Result<std::string> request(const Prompt& prompt, Dialect dialect) override;
  Result<std::string> text(std::string_view body, Dialect dialect) override;
  std::string error_text(std::string_view body) override;
  std::optional<std::string> json_in(std::string_view text) override;
};

}  // namespace swarm::gateway

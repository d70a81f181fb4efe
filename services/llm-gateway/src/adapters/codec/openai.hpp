#pragma once

#include "adapters/codec/request_fields.hpp"
#include "ports/dialect.hpp"

namespace swarm::gateway {

/// OpenAI's surfaces.
enum class OpenAiSurface : std::uint8_t { Chat, Completions, Embeddings, Responses };

/// Requests, answers and streams of /v1/chat/completions, /v1/completions, /v1/embeddings and /v1/responses.
/// prompt_tokens include the cached ones here; Usage does not. Not thread-safe.
class OpenAiCodec final : public DialectCodec {
 public:
  explicit OpenAiCodec(OpenAiSurface surface, std::uint64_t image_tokens = 2'000);
  Result<RequestScan> scan(std::string_view body, std::size_t capacity) override;
  std::optional<Usage> usage(std::string_view body, std::size_t capacity) override;
  void meter(const http::SseEvent& event, StreamMeter& meter) override;
  std::string error_body(const Problem& problem, std::string_view request_id) const override;
  std::string error_event(const Problem& problem, std::string_view request_id) const override;

 private:
  void meter_responses(const http::SseEvent& event, StreamMeter& meter);
  std::optional<Usage> read(std::string_view json, std::size_t capacity, std::string_view holder);

  OpenAiSurface surface_;
  RequestFields fields_;
  simdjson::ondemand::parser parser_;
};

}  // namespace swarm::gateway

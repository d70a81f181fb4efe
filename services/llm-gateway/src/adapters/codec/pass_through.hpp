#pragma once

#include "adapters/codec/openai.hpp"

namespace swarm::gateway {

/// Requests and answers that nobody reads: each counts as one token of its route's price, whatever it holds. Errors read
/// as OpenAI's. Not thread-safe.
class PassThroughCodec final : public DialectCodec {
 public:
  Result<RequestScan> scan(std::string_view body, std::size_t capacity) override;
  std::optional<Usage> usage(std::string_view body, std::size_t capacity) override;
  void meter(const http::SseEvent& event, StreamMeter& meter) override;
  std::string error_body(const Problem& problem, std::string_view request_id) const override;
  std::string error_event(const Problem& problem, std::string_view request_id) const override;

 private:
  OpenAiCodec errors_{OpenAiSurface::Chat};
};

}  // namespace swarm::gateway

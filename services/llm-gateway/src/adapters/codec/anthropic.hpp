#pragma once

#include "adapters/codec/request_fields.hpp"
#include "ports/dialect.hpp"

namespace swarm::gateway {

/// Requests, answers and streams of /v1/messages. input_tokens exclude what came from or went into the cache. Not
/// thread-safe.
class AnthropicCodec final : public DialectCodec {
 public:
  explicit AnthropicCodec(std::uint64_t image_tokens = 2'000);
  Result<RequestScan> scan(std::string_view body, std::size_t capacity) override;
  std::optional<Usage> usage(std::string_view body, std::size_t capacity) override;
  void meter(const http::SseEvent& event, StreamMeter& meter) override;
  std::string error_body(const Problem& problem, std::string_view request_id) const override;
  std::string error_event(const Problem& problem, std::string_view request_id) const override;

 private:
  bool read(std::string_view json, std::size_t capacity, std::string_view holder, Usage& usage);

  RequestFields fields_;
  simdjson::ondemand::parser parser_;
};

}  // namespace swarm::gateway

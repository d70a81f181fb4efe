#include "adapters/codec/pass_through.hpp"

namespace swarm::gateway {

Result<RequestScan> PassThroughCodec::scan(std::string_view, std::size_t) {
  RequestScan scan;
  scan.size.text_bytes = 1;
  scan.size.choices = 0;
  return scan;
}

std::optional<Usage> PassThroughCodec::usage(std::string_view, std::size_t) {
  Usage usage;
  usage.input = 1;
  return usage;
}

void PassThroughCodec::meter(const http::SseEvent&, StreamMeter& meter) {
  meter.usage.input = 1;
  meter.has_usage = true;
}

std::string PassThroughCodec::error_body(const Problem& problem, std::string_view request_id) const {
  return errors_.error_body(problem, request_id);
}

std::string PassThroughCodec::error_event(const Problem& problem, std::string_view request_id) const {
  return errors_.error_event(problem, request_id);
}

}  // namespace swarm::gateway

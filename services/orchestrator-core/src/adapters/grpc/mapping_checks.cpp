#include "adapters/grpc/mapping_checks.hpp"

namespace swarm::orchestrator::grpc_api {

Error invalid(std::string_view field, std::string_view what) {
  return {Code::InvalidArgument, std::string(field) + ": " + std::string(what)};
}


Result<void> check_name(std::string_view field, const std::string& text, const InputLimits& limits) {
  if (text.size() > limits.name_bytes_max) {
    return invalid(field, "longer than " + std::to_string(limits.name_bytes_max) + " bytes");
  }
  for (const char c : text) {
    if ((c >= 0 && c < ' ') || c == 0x7f) return invalid(field, "holds a control character");
  }
  return outcome::success();
}

Result<std::vector<std::string>> to_names(std::string_view field,
                                          const google::protobuf::RepeatedPtrField<std::string>& in,
                                          const InputLimits& limits) {
  if (static_cast<std::size_t>(in.size()) > limits.names_max) {
    return invalid(field, "more than " + std::to_string(limits.names_max) + " names");
  }
  for (const auto& text : in) {
    BOOST_OUTCOME_TRY(check_name(field, text, limits));
  }
  return normalised({in.begin(), in.end()});
}

Result<void> check_text(std::string_view field, const std::string& text, const InputLimits& limits) {
  if (text.size() <= limits.text_bytes_max) return outcome::success();
  return invalid(field, std::to_string(text.size()) + " bytes, at most " + std::to_string(limits.text_bytes_max));
}

Result<void> check_wish(std::string_view field, const std::string& text, const InputLimits& limits) {
  if (text.find('\0') != text.npos) return invalid(field, "holds a NUL character");
  return check_text(field, text, limits);
}

Result<std::chrono::milliseconds> to_duration(std::string_view field, std::int64_t ms, const InputLimits& limits) {
  if (ms < 0 || ms > limits.delay_max.count()) return invalid(field, "not within 0 and a year");
  return std::chrono::milliseconds(ms);
}

}  // namespace swarm::orchestrator::grpc_api

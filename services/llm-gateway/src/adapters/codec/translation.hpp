#pragma once

#include <boost/json/fwd.hpp>

#include "ports/translation.hpp"

namespace swarm::gateway {

/// Stateless, so that one serves all threads.
class JsonTranslation final : public Translation {
 public:
  Result<std::string> request(std::string_view body, Dialect from, Target target) override;
  Result<std::string> answer(std::string_view body, Dialect from, std::string_view model) override;
  std::unique_ptr<StreamTranslation> stream(Dialect from, std::string_view model, bool wants_usage) override;
  std::string error_message(std::string_view body) override;
};

// Its two halves of requests, each a pure function.
Result<boost::json::object> anthropic_request_of(const boost::json::object& openai, Translation::Target target);
Result<boost::json::object> openai_request_of(const boost::json::object& anthropic, Translation::Target target);

/// Why an answer ended, in the other dialect's word.
std::string_view openai_finish_reason(std::string_view anthropic_stop_reason);
std::string_view anthropic_stop_reason(std::string_view openai_finish_reason);
/// Usage of one dialect in the other's fields: prompt_tokens include what came from and went into the cache, input_tokens don't.
boost::json::object openai_usage_of(const boost::json::object& anthropic);
boost::json::object anthropic_usage_of(const boost::json::object& openai);

/// Events of one dialect in the other.
std::unique_ptr<StreamTranslation> openai_stream_of_anthropic(std::string_view model, bool wants_usage);
std::unique_ptr<StreamTranslation> anthropic_stream_of_openai(std::string_view model);

}  // namespace swarm::gateway

#pragma once

#include <simdjson.h>

#include <array>

#include "ports/dialect.hpp"

namespace swarm::gateway {

/// What a surface calls its fields, for the one scan that all of them share.
struct RequestFields {
  std::string_view output_limit;        // "max_tokens"
  std::string_view output_limit_other;  // "max_completion_tokens"; empty: none
  std::string_view choices;             // "n"; empty: none
  std::string_view messages;            // the list whose parts may be images
  std::string_view tools;               // the list of what the model may call; empty: none
  std::array<std::string_view, 3> kept; // name what the provider keeps and completes the prompt with; empty: none
  std::string_view provider_tool;       // lets the provider run a tool of its own; empty: none
  bool refers_to_items = false;         // a message may stand for one that the provider keeps
  bool asks_stream_usage = false;       // has stream_options.include_usage
  bool output_free = false;             // embeddings: nothing is generated
  std::uint64_t image_tokens = 0;       // flat, for each image
};

/// Reads the fields that routing, budgets and splicing need from a request's top level; the rest is only checked for
/// being JSON in UTF-8. A field given twice is refused where it decides a price: the upstream might read the other
/// one. InvalidArgument otherwise.
Result<RequestScan> scan_request(simdjson::ondemand::parser& parser, std::string_view body, std::size_t capacity,
                                 const RequestFields& fields);

/// For reading text in place: simdjson wants to know what is readable behind it.
inline simdjson::padded_string_view padded(std::string_view text, std::size_t capacity) {
  return simdjson::padded_string_view(text.data(), text.size(), text.size() + capacity);
}

}  // namespace swarm::gateway

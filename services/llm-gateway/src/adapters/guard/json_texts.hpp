#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::gateway {

/// A text in a JSON document, or a number, behind its key.
struct JsonValue {
  std::string_view key;      // as written, without quotes; in an array the one before
  std::string_view token;    // as written, a text with its quotes
  std::size_t at = 0;        // of the token in the document
  bool is_text = false;
};

/// Calls `visit` for every text that is no key and for every number, in their order. Reads whatever looks like JSON without
/// judging it, in one pass without recursion; what is cut off at the end is left out.
void for_each_value(std::string_view json, const std::function<void(const JsonValue&)>& visit);

/// What a text means; half a surrogate becomes U+FFFD.
void append_unescaped(std::string& out, std::string_view token);

/// A long run of nothing but base64's digits: an image or a signature, in which nothing could be found.
bool is_blob(std::string_view text);

}  // namespace swarm::gateway

#pragma once

#include <string_view>

#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

inline constexpr std::string_view kAny = "<*>";
inline constexpr std::string_view kNumber = "<n>";

// “ ” ‘ ’: bytes of a letter's class, but punctuation.
inline constexpr std::string_view kCurly = "\xe2\x80";

inline bool is_curly(std::string_view text) {
  return text.size() >= 3 && text.starts_with(kCurly) && (text[2] == '\x98' || text[2] == '\x99' || text[2] == '\x9c' || text[2] == '\x9d');
}

/// Calls `visit` with each word of a text until it says no; whether it never did.
template <class Visit>
bool each_word(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (!visit(text.substr(at, end - at))) return false;
    at = end;
  }
  return true;
}

}  // namespace swarm::analyst::domain

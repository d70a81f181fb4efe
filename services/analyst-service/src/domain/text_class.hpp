#pragma once

#include <string_view>

#include "libs/base/byte_class.hpp"

namespace swarm::analyst::domain {

inline std::string_view trim_left(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_blank(text[at])) ++at;
  return text.substr(at);
}
inline std::string_view trim_right(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}
inline std::string_view trim(std::string_view text) { return trim_right(trim_left(text)); }
inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// `TypeError`, `IOException`, `DeprecationWarning`, …: a name that says by its ending that it is a type of fault.
inline bool names_fault(std::string_view word) {
  if (word.empty()) return false;
  switch (word.back()) {
    case 'r': return word.ends_with("Error");
    case 'n': return word.ends_with("Exception") || word == "StopIteration" || word.ends_with("Rejection");
    case 'g': return word.ends_with("Warning");
    case 't': return word.ends_with("Interrupt") || word == "SystemExit" || word.ends_with("Fault");
    default: return false;
  }
}

}  // namespace swarm::analyst::domain

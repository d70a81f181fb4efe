#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace swarm::analyst::domain {

/// What a byte is in a log. Bytes above 127 count as letters, so that names in any script stay whole.
enum class Byte : std::uint8_t { Other, Space, Digit, Lower, Upper, Underscore };

namespace detail {

constexpr std::array<Byte, 256> classify_bytes() {
  std::array<Byte, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = Byte::Digit;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = Byte::Lower;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = Byte::Upper;
  for (std::size_t c = 128; c < 256; ++c) table[c] = Byte::Lower;
  for (const char c : {' ', '\t', '\n', '\r', '\v', '\f', '\0'}) table[static_cast<unsigned char>(c)] = Byte::Space;
  table['_'] = table['$'] = Byte::Underscore;
  return table;
}

inline constexpr std::array<Byte, 256> kByte = classify_bytes();

}  // namespace detail

inline Byte byte_class(char c) { return detail::kByte[static_cast<unsigned char>(c)]; }
inline bool is_word(char c) { return byte_class(c) >= Byte::Digit; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_blank(char c) { return byte_class(c) == Byte::Space; }
inline bool is_letter(char c) { return byte_class(c) == Byte::Lower || byte_class(c) == Byte::Upper; }

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

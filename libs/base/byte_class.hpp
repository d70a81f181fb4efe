#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace swarm {

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

}  // namespace swarm

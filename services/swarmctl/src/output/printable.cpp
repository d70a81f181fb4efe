#include "output/printable.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace swarm::ctl {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kEllipsis = "\xe2\x80\xa6";
constexpr char32_t kBroken = 0xfffd;

struct Range {
  char32_t first, last;
};
// From Unicode 15's EastAsianWidth.txt and DerivedGeneralCategory.txt: the blocks that terminals agree on.
constexpr std::array<Range, 14> kWide{{{0x1100, 0x115f}, {0x231a, 0x231b}, {0x2e80, 0x303e}, {0x3041, 0x33ff},
                                       {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6},
                                       {0x1f300, 0x1faff}, {0x20000, 0x3fffd}}};
constexpr std::array<Range, 7> kZero{{{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x1ab0, 0x1aff},
                                      {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}}};
// Direction marks can make a line read as another one.
constexpr std::array<Range, 3> kDirection{{{0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}}};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](Range r) { return c >= r.first && c <= r.last; });
}

struct Character {
  char32_t code = kBroken;
  std::size_t bytes = 1;
};

/// Decodes the first character; a broken one is kBroken of one byte.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (bytes == 0 || first > 0xf4 || bytes > text.size()) return {};
  char32_t code = first & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kLeast[bytes] || surrogate || code > 0x10ffff) return {};
  return {code, bytes};
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || in(kDirection, c); }

std::size_t width_of(char32_t c) {
  if (c < 0x300) return 1;
  return in(kZero, c) ? 0 : in(kWide, c) ? 2 : 1;
}

std::string clean(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character c = decode(text.substr(at));
    const bool blank = c.code == '\n' || c.code == '\t' || c.code == '\r';
    if (blank) {
      const bool carriage_return = c.code == '\r';
      if (!keep_lines) out += ' ';
      else if (!carriage_return) out += static_cast<char>(c.code);
    } else if (is_control(c.code) || c.code == kBroken) {
      out += kReplacement;
    } else {
      out += text.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  return out;
}

}  // namespace

std::string one_line(std::string_view text) { return clean(text, false); }
std::string many_lines(std::string_view text) { return clean(text, true); }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = decode(text.substr(at));
    width += width_of(c.code);
    at += c.bytes;
  }
  return width;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character c = decode(text.substr(at));
    if (used + width_of(c.code) > width - 1) break;
    used += width_of(c.code);
    at += c.bytes;
  }
  return std::string(text.substr(0, at)) + std::string(kEllipsis);
}

}  // namespace swarm::ctl

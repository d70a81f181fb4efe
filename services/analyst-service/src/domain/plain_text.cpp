#include "domain/plain_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

// The size of the UTF-8 character at `at`; 0 if the bytes are not one.
std::size_t character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t size = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3
                           : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && byte(at + 1) < 0xa0) return 0;
  if (lead == 0xed && byte(at + 1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(at + 1) < 0x90) return 0;
  if (lead == 0xf4 && byte(at + 1) > 0x8f) return 0;
  return size;
}

char32_t code_point(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return lead;
  char32_t code = lead & (0x7fu >> character.size());
  for (const char c : character.substr(1)) code = (code << 6) | (static_cast<unsigned char>(c) & 0x3fu);
  return code;
}

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool is_in(char32_t code, const std::array<Range, N>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return code >= range.first && code <= range.last; });
}

// Of no width, of direction, fillers, selectors of variants, tags, and the second set of control characters.
constexpr std::array kUnseen = {Range{0x80, 0x9f}, Range{0xad, 0xad}, Range{0x34f, 0x34f}, Range{0x61c, 0x61c}, Range{0x115f, 0x1160},
                                Range{0x17b4, 0x17b5}, Range{0x180b, 0x180f}, Range{0x200b, 0x200f}, Range{0x2028, 0x202e},
                                Range{0x2060, 0x206f}, Range{0x3164, 0x3164}, Range{0xfe00, 0xfe0f}, Range{0xfeff, 0xfeff},
                                Range{0xffa0, 0xffa0}, Range{0xfff9, 0xfffb}, Range{0x1d173, 0x1d17a}, Range{0xe0000, 0xe0fff}};
constexpr std::array kBlanks = {Range{0xa0, 0xa0}, Range{0x1680, 0x1680}, Range{0x2000, 0x200a}, Range{0x202f, 0x202f},
                                Range{0x205f, 0x205f}, Range{0x3000, 0x3000}};

// Letters of other alphabets that look like one of ours.
constexpr std::pair<char32_t, char> kAlike[] = {
    {0x430, 'a'}, {0x432, 'b'}, {0x435, 'e'}, {0x43a, 'k'}, {0x43c, 'm'}, {0x43d, 'h'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x442, 't'},
    {0x443, 'y'}, {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x501, 'd'}, {0x51b, 'q'}, {0x51d, 'w'}, {0x4cf, 'l'}, {0x475, 'v'},
    {0x410, 'a'}, {0x412, 'b'}, {0x415, 'e'}, {0x41a, 'k'}, {0x41c, 'm'}, {0x41d, 'h'}, {0x41e, 'o'}, {0x420, 'p'}, {0x421, 'c'}, {0x422, 't'},
    {0x423, 'y'}, {0x425, 'x'}, {0x405, 's'}, {0x406, 'i'}, {0x408, 'j'}, {0x3b1, 'a'}, {0x3b5, 'e'}, {0x3b9, 'i'}, {0x3ba, 'k'}, {0x3bd, 'v'},
    {0x3bf, 'o'}, {0x3c1, 'p'}, {0x3c4, 't'}, {0x3c5, 'u'}, {0x3c7, 'x'}, {0x391, 'a'}, {0x392, 'b'}, {0x395, 'e'}, {0x397, 'h'}, {0x399, 'i'},
    {0x39a, 'k'}, {0x39c, 'm'}, {0x39d, 'n'}, {0x39f, 'o'}, {0x3a1, 'p'}, {0x3a4, 't'}, {0x3a5, 'y'}, {0x3a7, 'x'}, {0x131, 'i'}, {0x261, 'g'},
    {0x251, 'a'}, {0x26a, 'i'}, {0x280, 'r'}, {0x274, 'n'}};

// The ASCII letter that a code point stands for; 0 when for none.
char ascii(char32_t code) {
  if (code >= 0xff01 && code <= 0xff5e) return static_cast<char>(code - 0xff01 + '!');
  if (code >= 0x1d400 && code < 0x1d6a4) {
    const auto letter = static_cast<char>((code - 0x1d400) % 26);
    return static_cast<char>('a' + letter);
  }
  if (code >= 0x24b6 && code <= 0x24e9) return static_cast<char>('a' + (code - 0x24b6) % 26);
  for (const auto& [other, letter] : kAlike)
    if (other == code) return letter;
  return 0;
}

// `i g n o r e` and `i.g.n.o.r.e` as `ignore`.
std::string put_together(std::string_view text) {
  const auto stands_alone = [&](std::size_t i) {
    return i < text.size() && is_letter(text[i]) && (i == 0 || !is_word(text[i - 1])) && (i + 1 >= text.size() || !is_word(text[i + 1]));
  };
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t letters = 0;
    while (stands_alone(at + 2 * letters)) ++letters;
    if (letters < 4) {
      out.push_back(text[at++]);
      continue;
    }
    for (std::size_t i = 0; i < letters; ++i) out.push_back(text[at + 2 * i]);
    at += 2 * letters - 1;
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character(text, at);
    if (out.size() + std::max<std::size_t>(size, 1) > bytes_max) break;
    const char c = text[at];
    if (size == 0) out.push_back('?');
    else if (size > 1) { if (!is_in(code_point(text.substr(at, size)), kUnseen)) out.append(text.substr(at, size)); }
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) { if (!out.empty() && out.back() != ' ') out.push_back(' '); }
    else out.push_back(c);
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

std::string visible(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::max<std::size_t>(character(text, at), 1);
    if (size == 1 || !is_in(code_point(text.substr(at, size)), kUnseen)) out.append(text.substr(at, size));
    at += size;
  }
  return out;
}

std::string folded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::max<std::size_t>(character(text, at), 1);
    const auto bytes = text.substr(at, size);
    at += size;
    if (size == 1) {
      out.push_back(bytes[0] == '_' ? ' ' : bytes[0]);
      continue;
    }
    const char32_t code = code_point(bytes);
    if (is_in(code, kUnseen) || (code >= 0x300 && code <= 0x36f)) continue;
    if (is_in(code, kBlanks)) out.push_back(' ');
    else if (const char letter = ascii(code); letter != 0) out.push_back(letter);
    else out.append(bytes);
  }
  return put_together(out);
}

}  // namespace swarm::analyst::domain

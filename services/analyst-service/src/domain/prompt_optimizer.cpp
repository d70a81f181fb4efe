#include "domain/prompt_optimizer.hpp"

#include <cstdint>

namespace swarm::analyst::domain {

namespace {

// White space as Python's str.strip() sees it, for code points above ASCII.
bool is_wide_space(std::uint32_t c) {
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_narrow_space(unsigned char c) { return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f); }

// Bytes of the white-space character that begins at `at`; 0 if there is none.
std::size_t space_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(at);
  if (first < 0x80) return is_narrow_space(static_cast<unsigned char>(first)) && at < text.size() ? 1 : 0;
  if (first == 0xc2 && is_wide_space((first & 0x1f) << 6 | (byte(at + 1) & 0x3f))) return 2;
  if (first < 0xe1 || first > 0xe3) return 0;
  const std::uint32_t code = (first & 0x0f) << 12 | (byte(at + 1) & 0x3f) << 6 | (byte(at + 2) & 0x3f);
  return at + 2 < text.size() && is_wide_space(code) ? 3 : 0;
}

std::string_view strip(std::string_view text) {
  for (std::size_t size; (size = space_at(text, 0)) > 0;) text.remove_prefix(size);
  for (;;) {
    std::size_t size = 0;
    for (const std::size_t tail : {1u, 2u, 3u})
      if (text.size() >= tail && space_at(text, text.size() - tail) == tail) size = tail;
    if (size == 0) return text;
    text.remove_suffix(size);
  }
}

}  // namespace

std::string optimize_prompt(std::string_view prompt) {
  std::string out;
  out.reserve(prompt.size());
  bool indentation = true;
  std::size_t feeds = 0;
  for (const char c : prompt) {
    if (c == '\n') {
      if (++feeds <= 2) out.push_back(c);
      indentation = true;
      continue;
    }
    feeds = 0;
    if (c != ' ' && c != '\t') indentation = false;
    if (c == ' ' && !indentation && !out.empty() && out.back() == ' ') continue;
    out.push_back(c);
  }
  const auto kept = strip(out);
  return std::string(kept);
}

}  // namespace swarm::analyst::domain

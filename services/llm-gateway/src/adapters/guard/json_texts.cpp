#include "adapters/guard/json_texts.hpp"

#include <algorithm>
#include <charconv>

namespace swarm::gateway {
namespace {

constexpr std::size_t kBlobBytesMin = 512;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Behind the closing quote of the text that begins at `at`, or the end of the document.
std::size_t end_of_text(std::string_view json, std::size_t at) {
  for (++at; at < json.size(); ++at) {
    if (json[at] == '\\') ++at;
    else if (json[at] == '"') return at + 1;
  }
  return std::string_view::npos;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | (c >> 6));
  } else {
    if (c < 0x10000) {
      put(0xE0 | (c >> 12));
    } else {
      put(0xF0 | (c >> 18));
      put(0x80 | ((c >> 12) & 0x3F));
    }
    put(0x80 | ((c >> 6) & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

/// The four digits behind \u, or nothing that fits 16 bits.
std::uint32_t hex4(std::string_view text, std::size_t at) {
  std::uint32_t code = 0;
  if (at + 4 > text.size()) return 0x10000;
  const auto end = text.data() + at + 4;
  return std::from_chars(text.data() + at, end, code, 16).ptr == end ? code : 0x10000;
}

/// Appends what \u at `at` (behind the u) stands for; how many characters behind the u it took.
std::size_t append_code(std::string& out, std::string_view text, std::size_t at) {
  static constexpr std::uint32_t kReplacement = 0xFFFD;
  const std::uint32_t high = hex4(text, at);
  if (high >= 0x10000) {
    append_utf8(out, kReplacement);
    return 0;
  }
  const bool pair = high >= 0xD800 && high < 0xDC00 && text.substr(at + 4, 2) == "\\u";
  const std::uint32_t low = pair ? hex4(text, at + 6) : 0;
  if (low >= 0xDC00 && low < 0xE000) {
    append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
    return 10;
  }
  append_utf8(out, high >= 0xD800 && high < 0xE000 ? kReplacement : high);
  return 4;
}

}  // namespace

void for_each_value(std::string_view json, const std::function<void(const JsonValue&)>& visit) {
  JsonValue value;
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    if (c == '"') {
      const std::size_t end = end_of_text(json, at);
      if (end == std::string_view::npos) return;
      std::size_t next = end;
      while (next < json.size() && is_blank(json[next])) ++next;
      if (next < json.size() && json[next] == ':') {
        value.key = json.substr(at + 1, end - at - 2);
        at = next + 1;
        continue;
      }
      value.token = json.substr(at, end - at);
      value.at = at;
      value.is_text = true;
      visit(value);
      at = end;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      std::size_t end = at + 1;
      while (end < json.size() && json[end] != ',' && json[end] != '}' && json[end] != ']' && !is_blank(json[end])) ++end;
      value.token = json.substr(at, end - at);
      value.at = at;
      value.is_text = false;
      visit(value);
      at = end;
    } else {
      ++at;
    }
  }
}

void append_unescaped(std::string& out, std::string_view token) {
  const std::string_view text = token.substr(1, token.size() - 2);
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t escape = std::min(text.find('\\', at), text.size());
    out.append(text, at, escape - at);
    at = escape;
    if (at + 1 >= text.size()) return;
    switch (const char c = text[++at]; c) {
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'u': at += append_code(out, text, at + 1); break;
      default: out += c;
    }
  }
}

bool is_blob(std::string_view text) {
  if (text.starts_with("data:")) return true;
  if (text.size() < kBlobBytesMin) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/' || c == '=';
  });
}

}  // namespace swarm::gateway

#include "adapters/codec/json_text.hpp"

#include <cstring>

namespace swarm::gateway {
namespace {

/// Length of the valid UTF-8 sequence at the front, or 0.
std::size_t utf8_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto follows = [&](std::size_t i) { return i < s.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char c = byte(0);
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c < 0xE0) return follows(1) ? 2 : 0;
  if (c >= 0xE0 && c < 0xF0) {
    if (!follows(1) || !follows(2)) return 0;
    if ((c == 0xE0 && byte(1) < 0xA0) || (c == 0xED && byte(1) >= 0xA0)) return 0;
    return 3;
  }
  if (c >= 0xF0 && c < 0xF5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((c == 0xF0 && byte(1) < 0x90) || (c == 0xF4 && byte(1) >= 0x90)) return 0;
    return 4;
  }
  return 0;
}

void append_control(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[(c >> 4) & 0xf];
  out += kHex[c & 0xf];
}

std::size_t skip_blanks(std::string_view json, std::size_t at) {
  while (at < json.size() && (json[at] == ' ' || json[at] == '\t' || json[at] == '\n' || json[at] == '\r')) ++at;
  return at;
}

/// As std::string_view::find, which stops at each of the many quotation marks of a JSON text.
std::size_t find_key(std::string_view json, std::string_view quoted_key) {
  if (json.empty()) return std::string_view::npos;
  const void* found = ::memmem(json.data(), json.size(), quoted_key.data(), quoted_key.size());
  return found == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(found) - json.data());
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t n = utf8_length(text.substr(i, 4));
    if (n == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    if (n > 1) {
      out.append(text.substr(i, n));
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      append_control(out, c);
    } else {
      out += c;
    }
    i += n;
  }
  out += '"';
}

std::string_view raw_string_after(std::string_view json, std::string_view quoted_key, bool& found) {
  found = false;
  const std::size_t key = find_key(json, quoted_key);
  if (key == std::string_view::npos) return {};
  std::size_t at = skip_blanks(json, key + quoted_key.size());
  if (at >= json.size() || json[at] != ':') return {};
  at = skip_blanks(json, at + 1);
  if (at >= json.size() || json[at] != '"') return {};
  const std::size_t begin = ++at;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  if (at >= json.size()) return {};
  found = true;
  return json.substr(begin, at - begin);
}

bool mentions_usage_object(std::string_view json) {
  static constexpr std::string_view kKey = "\"usage\"";
  for (std::size_t key = json.find(kKey); key != std::string_view::npos; key = json.find(kKey, key + kKey.size())) {
    std::size_t at = skip_blanks(json, key + kKey.size());
    if (at >= json.size() || json[at] != ':') continue;
    at = skip_blanks(json, at + 1);
    if (at < json.size() && json[at] == '{') return true;
  }
  return false;
}

}  // namespace swarm::gateway

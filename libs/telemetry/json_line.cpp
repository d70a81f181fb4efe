#include "libs/telemetry/json_line.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

namespace swarm::log {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kEllipsis = "\xe2\x80\xa6";

std::string_view name_of(Level level) {
  switch (level) {
    case Level::Debug: return "debug";
    case Level::Info: return "info";
    case Level::Warn: return "warn";
    case Level::Error: return "error";
  }
  return "error";
}

/// Length of the well-formed UTF-8 sequence that `text` begins with (Unicode, table 3-7); 0 for none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_large = first == 0xf4 && byte(1) > 0x8f;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte != 0x7f) {
    out += c;
    return;
  }
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 0xf];
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

struct AppendValue {
  std::string& out;
  void operator()(std::string_view v) const { append_json_string(out, v); }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(std::int64_t v) const { append_number(out, v); }
  void operator()(std::uint64_t v) const { append_number(out, v); }
  void operator()(double v) const {
    if (std::isfinite(v)) {
      append_number(out, v);
    } else {
      out += "null";  // JSON has no word for it
    }
  }
};

void append_two(std::string& out, int value) {
  out += static_cast<char>('0' + value / 10 % 10);
  out += static_cast<char>('0' + value % 10);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, std::size_t bytes_max) {
  const bool cut = text.size() > bytes_max;
  out += '"';
  std::size_t at = 0;
  while (at < text.size() && at < bytes_max) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0) {
      out += kReplacement;
      ++at;
    } else if (length == 1) {
      append_escaped(out, text[at++]);
    } else {
      out += text.substr(at, length);
      at += length;
    }
  }
  if (cut) out += kEllipsis;
  out += '"';
}

std::string timestamp(WallTime t) {
  const auto ms = unix_ms(t);
  const auto millis = static_cast<int>(((ms % 1000) + 1000) % 1000);
  const auto seconds = static_cast<std::time_t>((ms - millis) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::string out;
  const int year = parts.tm_year + 1900;
  append_two(out, year / 100);
  append_two(out, year % 100);
  const std::array<std::pair<char, int>, 5> rest = {
      {{'-', parts.tm_mon + 1}, {'-', parts.tm_mday}, {'T', parts.tm_hour}, {':', parts.tm_min}, {':', parts.tm_sec}}};
  for (const auto& [separator, value] : rest) {
    out += separator;
    append_two(out, value);
  }
  out += '.';
  out += static_cast<char>('0' + millis / 100);
  append_two(out, millis % 100);
  out += 'Z';
  return out;
}

std::string json_line(WallTime t, Level level, std::string_view service, std::string_view message,
                      Fields fields, const trace::Context* trace) {
  std::string out;
  out.reserve(256);
  out += R"({"ts":")";
  out += timestamp(t);
  out += R"(","level":")";
  out += name_of(level);
  out += R"(","service":)";
  append_json_string(out, service);
  out += R"(,"msg":)";
  append_json_string(out, message);
  for (const Field& field : fields) {
    out += ',';
    append_json_string(out, field.key);
    out += ':';
    std::visit(AppendValue{out}, field.value);
  }
  if (trace != nullptr) {
    out += R"(,"trace_id":")";
    out += trace->trace_id_text();
    out += '"';
  }
  out += '}';
  return out;
}

}  // namespace swarm::log

#include "libs/http/head.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace swarm::http {
namespace {

// RFC 9110, 5.6.2.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<std::size_t>(c)] = true;
  }
  return table;
}
constexpr auto kToken = make_token_table();

bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!kToken[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

bool has_control(std::string_view text, bool tab_allowed) {
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if ((u < 0x20 && !(tab_allowed && c == '\t')) || u == 0x7f) return true;
  }
  return false;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// The next line without its end. An empty optional: incomplete.
Result<std::optional<std::string_view>, WireFault> next_line(std::string_view data, std::size_t& at) {
  const void* found = at < data.size() ? std::memchr(data.data() + at, '\n', data.size() - at) : nullptr;
  if (found == nullptr) return std::optional<std::string_view>();
  const std::size_t end = static_cast<std::size_t>(static_cast<const char*>(found) - data.data());
  if (end == at || data[end - 1] != '\r') return WireFault::BareLineFeed;
  const std::string_view line = data.substr(at, end - 1 - at);
  at = end + 1;
  return std::optional<std::string_view>(line);
}

bool contains_token(std::string_view list, std::string_view lower_case) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trimmed(list.substr(0, comma)), lower_case)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

/// The headers that decide where the message ends. Returns the fault, if any.
std::optional<WireFault> take_framing(const Header& header, Head& head) {
  switch (header.name.size()) {
    case 6:
      if (head.expect_continue || !equals_ignoring_case(header.name, "expect")) break;
      head.expect_continue = equals_ignoring_case(header.value, "100-continue");
      break;
    case 10:
      if (!equals_ignoring_case(header.name, "connection")) break;
      if (contains_token(header.value, "close")) head.keep_alive = false;
      else if (contains_token(header.value, "keep-alive")) head.keep_alive = true;
      break;
    case 14: {
      if (!equals_ignoring_case(header.name, "content-length")) break;
      if (head.content_length || header.value.empty() || header.value.size() > 18) return WireFault::BadContentLength;
      std::uint64_t length = 0;
      const char* end = header.value.data() + header.value.size();
      const auto [stop, error] = std::from_chars(header.value.data(), end, length);
      if (error != std::errc() || stop != end) return WireFault::BadContentLength;
      head.content_length = length;
      break;
    }
    case 17:
      if (!equals_ignoring_case(header.name, "transfer-encoding")) break;
      if (head.chunked || !equals_ignoring_case(header.value, "chunked")) return WireFault::BadTransferEncoding;
      head.chunked = true;
      break;
    default: break;
  }
  return std::nullopt;
}

Result<std::size_t, WireFault> parse_headers(std::string_view data, std::size_t at, Head& head) {
  while (true) {
    BOOST_OUTCOME_TRY(const auto line, next_line(data, at));
    if (!line) return std::size_t{0};
    if (line->empty()) break;
    if (is_blank(line->front())) return WireFault::FoldedLine;
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos || !is_token(line->substr(0, colon))) return WireFault::BadHeader;
    const Header header{line->substr(0, colon), trimmed(line->substr(colon + 1))};
    if (has_control(header.value, true)) return WireFault::BadHeader;
    if (head.headers.size() >= kHeadersMax) return WireFault::TooManyHeaders;
    head.headers.push_back(header);
    if (const auto fault = take_framing(header, head)) return *fault;
  }
  if (head.chunked && head.content_length) return WireFault::LengthAndChunked;
  return at;
}

void clear(Head& head) {
  head.method = head.target = {};
  head.status = 0;
  head.headers.clear();
  head.content_length.reset();
  head.chunked = head.expect_continue = false;
  head.v11 = head.keep_alive = true;
}

/// True for HTTP/1.1, false for HTTP/1.0.
Result<bool, WireFault> minor_version(std::string_view text) {
  if (text == "HTTP/1.1") return true;
  if (text == "HTTP/1.0") return false;
  return WireFault::BadVersion;
}

bool host_is_fine(const Head& head, bool v11) {
  int hosts = 0;
  for (const Header& header : head.headers) {
    if (header.name.size() == 4 && equals_ignoring_case(header.name, "host")) ++hosts;
  }
  return hosts == 1 || (hosts == 0 && !v11);
}

}  // namespace

std::string_view name(WireFault fault) {
  switch (fault) {
    case WireFault::BadStartLine: return "malformed start line";
    case WireFault::BadVersion: return "unsupported HTTP version";
    case WireFault::BadHeader: return "malformed header";
    case WireFault::BareLineFeed: return "line feed without carriage return";
    case WireFault::FoldedLine: return "folded header line";
    case WireFault::BadContentLength: return "bad content-length";
    case WireFault::LengthAndChunked: return "content-length together with transfer-encoding";
    case WireFault::BadTransferEncoding: return "unsupported transfer-encoding";
    case WireFault::BadHost: return "exactly one host header is needed";
    case WireFault::HeadTooLong: return "header section too long";
    case WireFault::TooManyHeaders: return "too many headers";
    case WireFault::BadChunk: return "malformed chunk";
    case WireFault::BodyTooLong: return "body too long";
  }
  return "unknown";
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

std::string_view Head::find(std::string_view lower_case_name) const {
  for (const Header& header : headers) {
    if (header.name.size() == lower_case_name.size() && equals_ignoring_case(header.name, lower_case_name)) return header.value;
  }
  return {};
}

Result<std::size_t, WireFault> parse_request(std::string_view data, Head& head) {
  clear(head);
  // Whoever speaks something else, TLS for one, may never send a line's end.
  if (!data.empty() && !kToken[static_cast<unsigned char>(data.front())]) return data.front() == '\n' ? WireFault::BareLineFeed : WireFault::BadStartLine;
  std::size_t at = 0;
  BOOST_OUTCOME_TRY(const auto line, next_line(data, at));
  if (!line) return std::size_t{0};
  const std::size_t first = line->find(' ');
  const std::size_t last = line->rfind(' ');
  if (first == std::string_view::npos || first == last) return WireFault::BadStartLine;
  head.method = line->substr(0, first);
  head.target = line->substr(first + 1, last - first - 1);
  if (!is_token(head.method) || head.target.empty() || head.target.find(' ') != std::string_view::npos ||
      has_control(head.target, false)) {
    return WireFault::BadStartLine;
  }
  BOOST_OUTCOME_TRY(head.v11, minor_version(line->substr(last + 1)));
  head.keep_alive = head.v11;
  BOOST_OUTCOME_TRY(const std::size_t length, parse_headers(data, at, head));
  if (length == 0) return length;
  if (!head.v11 && head.chunked) return WireFault::BadTransferEncoding;
  if (!host_is_fine(head, head.v11)) return WireFault::BadHost;
  return length;
}

Result<std::size_t, WireFault> parse_response(std::string_view data, Head& head) {
  clear(head);
  std::size_t at = 0;
  BOOST_OUTCOME_TRY(const auto line, next_line(data, at));
  if (!line) return std::size_t{0};
  if (line->size() < 12 || (*line)[8] != ' ' || (line->size() > 12 && (*line)[12] != ' ')) return WireFault::BadStartLine;
  BOOST_OUTCOME_TRY(const bool v11, minor_version(line->substr(0, 8)));
  const char* digits = line->data() + 9;
  const auto [stop, error] = std::from_chars(digits, digits + 3, head.status);
  if (error != std::errc() || stop != digits + 3 || head.status < 100) return WireFault::BadStartLine;
  head.keep_alive = v11;
  return parse_headers(data, at, head);
}

}  // namespace swarm::http

#include "libs/log_templates/log_tokens.hpp"

#include <algorithm>

#include "libs/base/byte_class.hpp"

namespace swarm::log_templates {

namespace {

constexpr std::string_view kValue = "<*>";
constexpr std::string_view kBlank = " ";
constexpr std::string_view kOpenRound = "(";

bool is_separator(char c) {
  switch (c) {
    case '=': case ':': case ',': case '(': case ')': case '[': case ']': case '{': case '}': case '<': case '>':
    case '"': case '\'': case ';': case '|': return true;
    default: return is_blank(c);
  }
}

template <class List>
bool is_one_of(std::string_view word, const List& list) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

constexpr std::string_view kDates[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
                                       "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kUnits[] = {"B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "ms", "us", "ns", "s", "sec", "secs", "msec", "min", "kB"};
// Words that stand for a value in any log: truth values, nothing, and the accounts that every machine has.
constexpr std::string_view kValues[] = {"true", "false", "True", "False", "TRUE", "FALSE", "null", "NULL", "nil", "None", "root", "admin"};
// `user alice`, but not `user unknown`.
constexpr std::string_view kNamed[] = {"user", "host"};
constexpr std::string_view kNoName[] = {"unknown", "is", "has", "not", "was", "name", "names", "and", "or", "request", "with", "to", "of",
                                        "in", "from", "for", "the", "a", "an", "id"};
constexpr std::size_t kQuotedMax = 256;

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool has_digit(std::string_view text) { return std::any_of(text.begin(), text.end(), is_digit); }

bool is_path(std::string_view text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("~/") || std::count(text.begin(), text.end(), '/') >= 2;
}

// `web.service`: what systemd calls by name.
bool is_unit(std::string_view text) {
  for (const std::string_view kind : {".service", ".socket", ".timer", ".mount", ".slice"})
    if (text.size() > kind.size() && text.ends_with(kind)) return true;
  return false;
}

}  // namespace

bool is_log_value(std::string_view token) { return token == kValue; }

bool is_log_word(std::string_view token) { return !is_log_value(token) && !token.empty() && !is_separator(token.front()); }

bool is_log_identifier(std::string_view token) {
  if (is_log_value(token)) return true;
  while (token.starts_with('.')) token.remove_prefix(1);
  while (token.ends_with('.')) token.remove_suffix(1);
  for (std::size_t i = 0; i < token.size(); ++i) {
    const char c = token[i];
    if (c == '.' || c == '_' || c == '/' || c == '$') return true;
    if (i > 0 && byte_class(c) == Byte::Upper && byte_class(token[i - 1]) == Byte::Lower) return true;
  }
  return false;
}

const std::vector<std::string_view>& LogTokens::cut(std::string_view line) {
  tokens_.clear();
  line_ = line;
  for (std::size_t at = 0; at < line.size() && tokens_.size() < kTokensMax;) {
    if (is_blank(line[at])) {
      if (!tokens_.empty()) add(kBlank);
      while (at < line.size() && is_blank(line[at])) ++at;
    } else {
      at = is_separator(line[at]) ? separators(at) : word(at);
    }
  }
  if (!tokens_.empty()) add(kBlank);
  return tokens_;
}

// A run of separators, and what it opens.
std::size_t LogTokens::separators(std::size_t at) {
  std::size_t end = at;
  while (end < line_.size() && is_separator(line_[end]) && !is_blank(line_[end])) ++end;
  const auto piece = line_.substr(at, end - at);
  if (piece.starts_with("()")) {  // an empty value
    add(kOpenRound);
    add(kValue);
    add(piece.substr(1));
    return end;
  }
  if (compares(piece, end)) return end;
  if (piece.front() == ')' && closes_repeated_value(at)) {
    if (piece.size() > 1) {
      if (tokens_.back() == kBlank) tokens_.pop_back();
      add(piece.substr(1));
    }
    return end;
  }
  add(piece);
  const char quote = piece.back();
  if (piece.size() < 2 || (quote != '"' && quote != '\'') || piece[piece.size() - 2] != '=') return end;
  const std::size_t close = line_.substr(0, end + kQuotedMax).find(quote, end);
  if (close == std::string_view::npos || close == end) return end;
  add(kValue);  // `name="View Lock"`
  return close;
}

// `<1 sec`: how a value compares with one belongs to it, unless it is a bracket.
bool LogTokens::compares(std::string_view piece, std::size_t end) const {
  if (piece != "<" && piece != ">" && piece != "<=" && piece != ">=") return false;
  if (end >= line_.size() || !is_digit(line_[end]) || (!tokens_.empty() && tokens_.back() != kBlank)) return false;
  while (end < line_.size() && !is_separator(line_[end])) ++end;
  return end == line_.size() || line_[end] != '>';
}

// `2279 bytes (2.22 KB)`: a number with its unit in brackets behind another one says it again, and may be left out.
// Takes it away.
bool LogTokens::closes_repeated_value(std::size_t at) {
  const std::size_t size = tokens_.size();
  if (size < 4 || tokens_[size - 1] != kValue || tokens_[size - 2] != kOpenRound || tokens_[size - 3] != kBlank) return false;
  const auto inside = line_.substr(line_.rfind('(', at) + 1, at - line_.rfind('(', at) - 1);
  const std::size_t letters = inside.find_first_not_of("0123456789.,");
  if (letters == 0 || letters == std::string_view::npos || !is_one_of(inside.substr(letters + (is_blank(inside[letters]) ? 1 : 0)), kUnits)) return false;
  const bool after_value = tokens_[size - 4] == kValue;
  const bool after_unit = size >= 6 && is_log_word(tokens_[size - 4]) && tokens_[size - 5] == kBlank && tokens_[size - 6] == kValue;
  if (after_value || after_unit) tokens_.resize(size - 2);
  return after_value || after_unit;
}

// `64:d9:89:6b:b5:33`, `fe80::c6b3:1ff`: where groups of hexadecimal digits end, or `at`.
std::size_t LogTokens::hex_groups(std::size_t at) const {
  std::size_t end = at, groups = 0, pairs = 0;
  bool digit = false;
  for (;;) {
    const std::size_t begin = end;
    for (; end < line_.size() && is_hex(line_[end]); ++end) digit = digit || is_digit(line_[end]);
    if (end - begin > 4) return at;
    groups += end > begin ? 1 : 0;
    pairs += end - begin == 2 ? 1 : 0;
    if (end + 1 >= line_.size() || line_[end] != ':' || (!is_hex(line_[end + 1]) && line_[end + 1] != ':')) break;
    ++end;
  }
  if (end < line_.size() && !is_separator(line_[end])) return at;
  return (groups >= 4 && digit) || (groups == 6 && pairs == 6) ? end : at;
}

std::size_t LogTokens::word(std::size_t at) {
  if (const std::size_t end = hex_groups(at); end > at) {
    add(kValue);
    return end;
  }
  std::size_t end = at;
  while (end < line_.size() && !is_separator(line_[end])) ++end;
  const auto text = line_.substr(at, end - at);
  const std::size_t size = tokens_.size();
  const auto last = [&](std::size_t back) { return size >= back ? tokens_[size - back] : std::string_view(); };
  if (last(1) == kBlank && last(2) == kValue && is_one_of(text, kUnits)) {
    tokens_.pop_back();  // a unit belongs to its number
    return end;
  }
  const bool keyed = last(1).ends_with('=') && size >= 2 && last(2) != kBlank;
  if (keyed) end = brackets_end(end);  // `ws=WorkSource{10113}`
  const bool named = last(1) == kBlank && is_one_of(last(2), kNamed) && !is_one_of(text, kNoName);
  const bool value = has_digit(text) || is_path(text) || is_one_of(text, kDates) || is_one_of(text, kValues) || keyed || named || is_unit(text) || is_host(text, end);
  const bool listed = last(1) == "|" && last(2) == kValue;
  add(value || listed ? kValue : text);
  return end;
}

// Where brackets without blanks close that open right at `at`; else `at`.
std::size_t LogTokens::brackets_end(std::size_t at) const {
  if (at >= line_.size()) return at;
  const char open = line_[at], close = open == '{' ? '}' : open == '[' ? ']' : open == '(' ? ')' : '\0';
  if (close == '\0') return at;
  std::size_t depth = 0;
  for (std::size_t end = at; end < line_.size() && end - at < kQuotedMax && !is_blank(line_[end]); ++end) {
    if (line_[end] == open) ++depth;
    if (line_[end] == close && --depth == 0) return end + 1;
  }
  return at;
}

// `mail.example.org:25`
bool LogTokens::is_host(std::string_view text, std::size_t end) const {
  return end + 1 < line_.size() && line_[end] == ':' && is_digit(line_[end + 1]) && text.find('.') != std::string_view::npos &&
         text.front() != '.' && text.back() != '.';
}

// Values with nothing but light punctuation between them become one.
void LogTokens::add(std::string_view token) {
  if (token == kBlank && !tokens_.empty() && tokens_.back() == kBlank) return;
  tokens_.push_back(token);
  if (token != kValue) return;
  const auto light = [](std::string_view t) { return t == " " || t == ":" || t == "," || t == "=" || t == "|"; };
  for (std::size_t n = tokens_.size(); n >= 2; n = tokens_.size()) {
    if (tokens_[n - 2] == kValue) tokens_.pop_back();
    else if (n >= 3 && tokens_[n - 3] == kValue && light(tokens_[n - 2])) tokens_.resize(n - 2);
    else if (n >= 4 && tokens_[n - 4] == kValue && tokens_[n - 3] == "," && tokens_[n - 2] == kBlank) tokens_.resize(n - 3);
    else if (n >= 3 && tokens_[n - 2] == "|" && is_log_word(tokens_[n - 3])) tokens_.erase(tokens_.end() - 3, tokens_.end() - 1);  // `0|app|7`
    else break;
  }
}

}  // namespace swarm::log_templates

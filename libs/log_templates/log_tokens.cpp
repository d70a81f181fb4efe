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
constexpr std::string_view kUnits[] = {"B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "ms", "us", "ns", "s"};
// `user alice`, but not `user unknown`.
constexpr std::string_view kNamed[] = {"user", "host"};
constexpr std::string_view kNoName[] = {"unknown", "is", "has", "not", "was", "name", "names", "and", "or", "request", "with", "to", "of",
                                        "in", "from", "for", "the", "a", "an", "id"};

bool has_digit(std::string_view text) { return std::any_of(text.begin(), text.end(), is_digit); }

bool is_path(std::string_view text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("~/") || std::count(text.begin(), text.end(), '/') >= 2;
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
  for (std::size_t at = 0; at < line.size() && tokens_.size() < kTokensMax;) {
    while (at < line.size() && is_blank(line[at])) ++at;
    std::size_t end = at;
    while (end < line.size() && !is_blank(line[end])) ++end;
    if (end > at) {
      chunk(line.substr(at, end - at));
      add(kBlank);
    }
    at = end;
  }
  return tokens_;
}

// One blank-separated piece: runs of separators and the words between.
void LogTokens::chunk(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    const bool separator = is_separator(text[at]);
    while (end < text.size() && is_separator(text[end]) == separator) ++end;
    auto piece = text.substr(at, end - at);
    at = end;
    if (!separator) {
      word(piece);
    } else if (piece.starts_with("()")) {  // an empty value
      add(kOpenRound);
      add(kValue);
      add(piece.substr(1));
    } else {
      add(piece);
    }
  }
}

void LogTokens::word(std::string_view text) {
  const std::size_t size = tokens_.size();
  const auto last = [&](std::size_t back) { return size >= back ? tokens_[size - back] : std::string_view(); };
  if (last(1) == kBlank && last(2) == kValue && is_one_of(text, kUnits)) {
    tokens_.pop_back();  // a unit belongs to its number
    return;
  }
  const bool keyed = last(1).ends_with('=') && size >= 2 && last(2) != kBlank;
  const bool named = last(1) == kBlank && is_one_of(last(2), kNamed) && !is_one_of(text, kNoName);
  const bool value = has_digit(text) || is_path(text) || is_one_of(text, kDates) || keyed || named;
  add(value ? kValue : text);
}

// Values with nothing but light punctuation between them become one.
void LogTokens::add(std::string_view token) {
  tokens_.push_back(token);
  if (token != kValue) return;
  const auto light = [](std::string_view t) { return t == " " || t == ":" || t == "," || t == "=" || t == "|"; };
  for (std::size_t n = tokens_.size(); n >= 2; n = tokens_.size()) {
    if (tokens_[n - 2] == kValue) tokens_.pop_back();
    else if (n >= 3 && tokens_[n - 3] == kValue && light(tokens_[n - 2])) tokens_.resize(n - 2);
    else break;
  }
}

}  // namespace swarm::log_templates

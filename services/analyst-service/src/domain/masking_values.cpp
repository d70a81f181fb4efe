// The part of Masker that reads quotes, printed objects, paths and other punctuation.
#include <algorithm>

#include "domain/kind_words.hpp"
#include "domain/mask_syntax.hpp"
#include "domain/masking.hpp"

namespace swarm::analyst::domain {

namespace {

bool ends_path(char c) {
  switch (c) {
    case '\'': case '"': case '`': case ')': case '(': case '>': case ',': case ';': case ':': case '<': case '|': return true;
    default: return is_blank(c);
  }
}

// Quotes around an operator or around words of the language: `+`, 'NoneType', `Vec<u32>`.
bool keeps_quoted(std::string_view content) {
  if (content.empty()) return false;
  if (is_member_word(content)) return false;
  if (content.starts_with("std::") && std::all_of(content.begin() + 5, content.end(), [](char c) { return is_word(c) || c == ':'; })) return true;
  if (content.size() > 40 || content.find_first_of("/\\'\"`.") != std::string_view::npos) return false;
  bool words = false;
  const bool known = each_word(content, [&](std::string_view word) {
    words = true;
    return is_kind_word(word);
  });
  return words ? known : content.size() <= 3;
}

// Older tools quote `like this'. The apostrophe that closes before `end`, or npos.
std::size_t closing_apostrophe(std::string_view line, std::size_t begin, std::size_t end) {
  const std::size_t first = line.find('\'', begin);
  if (first == std::string_view::npos || first == begin || first > end) return std::string_view::npos;
  if (first + 1 < line.size() && is_word(line[first + 1])) return std::string_view::npos;
  const std::size_t second = line.find('\'', first + 1);
  return end != std::string_view::npos && second < end ? std::string_view::npos : first;
}

bool speaks_of_modules(std::string_view text) { return (contains(text, "odule") && !contains(text, "ubmodule")) || contains(text, "mport") || contains(text, "resolve"); }

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 96 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_word(c) || c == '.' || c == '/' || c == ':' || c == '-' || c == '@';
  });
}

}  // namespace

std::size_t Masker::quote(std::size_t at, std::size_t open_size, std::string_view close) {
  const std::size_t begin = at + open_size;
  const bool excerpt = at >= 3 && close == "\"" && line_.substr(at - 3, 3) == "...";
  const bool name = announced_ != Announced::Nothing && announced_ != Announced::Type && announced_ != Announced::Operand;
  announced_ = Announced::Nothing;
  std::size_t end = begin;
  for (;; ++end) {
    const std::size_t from = end;
    end = line_.find(close, from);
    if (close == "`") end = std::min(end, closing_apostrophe(line_, from, end));
    if (end == std::string_view::npos) {
      mask(kAny);  // cut off by the tool: all the rest is the value
      return line_.size();
    }
    const std::size_t next = end + close.size();
    if (excerpt && line_.substr(next, 3) != "...") continue;
    if (end > begin && line_[end - 1] == '\\') continue;
    if (next >= line_.size() || !is_word(line_[next]) || close == "`") break;
  }
  const auto content = line_.substr(begin, end - begin);
  if (!excerpt && keeps_quoted(content) && !(name && is_name(content))) {
    // One compiler, two locales: typographic quotes are quotes, where straight ones would be read as such.
    const std::size_t next = end + close.size();
    const bool stands_free = (at == 0 || is_blank(line_[at - 1])) && (next >= line_.size() || !is_word(line_[next])) &&
                             !ends_with(kAny) && !ends_with(kNumber);
    if (open_size == 1 || !stands_free) {
      put(line_.substr(at, next - at));
    } else {
      put('\'');
      put(content);
      put('\'');
    }
  } else if (is_number(content)) {
    mask(kNumber);
  } else {
    if (is_name(content)) subject(stable_path(content));
    // A file of the project that is missing, and a package that is: two faults with two remedies.
    if ((content.starts_with("./") || content.starts_with("../")) && speaks_of_modules(line_.substr(0, at)))
      put(size_ > 0 && text_[size_ - 1] != ' ' ? " relative " : "relative ");
    mask(kAny);
  }
  keep_number_ = false;
  return end + close.size();
}

std::size_t Masker::punctuation(std::size_t at) {
  const char c = line_[at];
  const char before = at > 0 ? line_[at - 1] : ' ';
  const char after = at + 1 < line_.size() ? line_[at + 1] : ' ';
  const bool after_word = is_word(before) && !(at >= 3 && is_curly(line_.substr(at - 3, 3)));
  if (c == '-' && after == '-' && announced_ == Announced::Name && is_blank(before)) return flag(at);
  // `no such table: orders`, `constraint [orders]`
  const bool hands_on = (announced_ == Announced::Name || announced_ == Announced::Type) && ((c == ':' && after == ' ') || c == '[');
  if (c != '*' && c != '&' && c != '"' && c != '\'' && c != '`' && !hands_on) announced_ = Announced::Nothing;
  const bool fresh = !after_word && before != ')' && before != ']' && before != '>';
  switch (c) {
    case '"':
    case '\'':
    case '`':
      // After a name it is an apostrophe, and a placeholder stands for a name.
      if ((after_word && c != '`') || ends_with(kAny) || ends_with(kNumber)) break;
      return quote(at, 1, line_.substr(at, 1));
    case '<':
      for (const auto placeholder : {kAny, kNumber}) {
        if (!line_.substr(at).starts_with(placeholder)) continue;
        mask(placeholder);
        return at + placeholder.size();
      }
      break;
    case '-':
    case '+':
      if (fresh && is_digit(after)) return at + 1;
      break;
    case '@':
      if (fresh && is_word(after)) return path(at);
      break;
    case '#':
    case ':':
      // `#total` of a class, `:total` of a table
      if (!is_blank(before) || !is_letter(after)) break;
      return symbol(at);
    case '/':
    case '.':
    case '~':
      if (fresh && c != after && (is_word(after) || after == '/')) return path(at);
      if (fresh && line_.substr(at, 3) == "../") return path(at);
      break;
    case '{': {
      if (const std::size_t end = object(at); end > at) return end;
      const auto content = line_.substr(at + 1, std::min(line_.find('}', at), line_.size()) - at - 1);
      const bool names = !content.empty() && at + 1 + content.size() < line_.size() &&
                         std::all_of(content.begin(), content.end(), [](char x) { return is_word(x) || x == ',' || x == ' '; });
      if (!names || keeps_quoted(content) || content.find_first_not_of(" ,") == std::string_view::npos) break;
      each_word(content, [&](std::string_view name) { return subject(name), true; });
      put("{<*>}");
      return at + content.size() + 2;
    }
    default: break;
  }
  put(c);
  return at + 1;
}

// `{'total': 3}`, `expected { total: 3 } to equal`: a value that was printed, however many parts it has. After the name
// of a type it stays: `ParseIntError { kind: InvalidDigit }`. Where it ends, or `at`.
std::size_t Masker::object(std::size_t at) {
  constexpr std::size_t kObjectMax = 512;
  const auto inside = line_.substr(at + 1, kObjectMax);
  const std::size_t key = inside.find_first_not_of(' ');
  if (key == std::string_view::npos) return at;
  if (inside[key] != '\'' && inside[key] != '"') {
    std::size_t end = key;
    while (end < inside.size() && is_word(inside[end])) ++end;
    if (key == 0 || end == key || end == inside.size() || inside[end] != ':' || size_ < 2 || !ends_with(" ")) return at;
    const std::size_t blank = text().rfind(' ', size_ - 2);
    if (byte_class(text()[blank == std::string_view::npos ? 0 : blank + 1]) != Byte::Lower) return at;
  }
  std::size_t depth = 1, end = 0;
  bool pairs = false;
  for (; end < inside.size() && depth > 0; ++end) {
    if (inside[end] == '{') ++depth;
    else if (inside[end] == '}') --depth;
    else if (inside[end] == ':') pairs = true;
  }
  if (depth > 0 || !pairs) return at;
  put("{<*>}");
  return at + 1 + end;
}

// `no such option: --total`
std::size_t Masker::flag(std::size_t at) {
  std::size_t end = at;
  while (end < line_.size() && (is_word(line_[end]) || line_[end] == '-')) ++end;
  announced_ = Announced::Nothing;
  subject(line_.substr(at, end - at));
  mask(kAny);
  return end;
}

std::size_t Masker::symbol(std::size_t at) {
  std::size_t end = at + 1;
  while (end < line_.size() && is_word(line_[end])) ++end;
  const auto name = line_.substr(at + 1, end - at - 1);
  put(line_[at]);
  if (is_kind_word(name)) return at + 1;
  subject(name);
  mask(kAny);
  return end;
}

std::size_t Masker::path(std::size_t at) {
  std::size_t end = at;
  while (end < line_.size() && !ends_path(line_[end])) ++end;
  while (end > at + 1 && line_[end - 1] == '.') --end;  // the full stop of the sentence
  subject(stable_path(line_.substr(at, end - at)));
  mask(kAny);
  return std::max(end, at + 1);
}

}  // namespace swarm::analyst::domain

#include "domain/masking.hpp"

#include <algorithm>
#include <cstring>

#include "domain/kind_words.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

constexpr std::string_view kAny = "<*>";
constexpr std::string_view kNumber = "<n>";

// “ ” ‘ ’: bytes of a letter's class, but punctuation.
constexpr std::string_view kCurly = "\xe2\x80";

bool is_curly(std::string_view text) {
  return text.size() >= 3 && text.starts_with(kCurly) && (text[2] == '\x98' || text[2] == '\x99' || text[2] == '\x9c' || text[2] == '\x9d');
}

// Words whose number is part of the kind: `HTTP 404`, `[Errno 13]`, `status 503`.
bool announces_code(std::string_view word) {
  if (word.size() < 4 || word.size() > 6) return false;
  return word == "Errno" || word == "errno" || word == "HTTP" || word == "status" || word == "code" ||
         word == "signal";
}

// E0382, TS2339, CS0103: an error code and no name.
bool is_error_code(std::string_view word) {
  std::size_t at = 0;
  while (at < word.size() && byte_class(word[at]) == Byte::Upper) ++at;
  const std::size_t letters = at;
  while (at < word.size() && is_digit(word[at])) ++at;
  return letters >= 1 && letters <= 4 && at == word.size() && at - letters >= 3 && at - letters <= 5;
}

// A suggestion depends on which other names exist, not on the fault.
std::string_view without_suggestion(std::string_view line) {
  for (std::size_t at = line.find('y', 5); at != std::string_view::npos; at = line.find('y', at + 1)) {
    // "Did you mean" and "did you mean"
    if (!line.substr(at).starts_with("you mean") || line.substr(at - 3, 3) != "id ") continue;
    line = trim_right(line.substr(0, at - 4));
    if (line.ends_with('(')) line.remove_suffix(1);
    return line;
  }
  return line;
}

bool ends_path(char c) {
  switch (c) {
    case '\'': case '"': case '`': case ')': case '(': case '>': case ',': case ';': case ':': case '<': case '|': return true;
    default: return is_blank(c);
  }
}

bool ends_url(char c) {
  switch (c) {
    case '\'': case '"': case '`': case ')': case '>': case ',': return true;
    default: return is_blank(c);
  }
}

bool is_separator(char c) { return c == '/' || c == '\\'; }

std::size_t last_separator(std::string_view path) {
  for (std::size_t at = path.size(); at-- > 0;)
    if (is_separator(path[at])) return at;
  return std::string_view::npos;
}

template <class Visit>
bool each_word(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (!visit(text.substr(at, end - at))) return false;
    at = end;
  }
  return true;
}

// Quotes around an operator or around words of the language: `+`, 'NoneType', `Vec<u32>`.
bool keeps_quoted(std::string_view content) {
  if (content.empty()) return false;
  if (content.size() > 40 || content.find_first_of("/\\'\"`.") != std::string_view::npos) return false;
  bool words = false;
  const bool known = each_word(content, [&](std::string_view word) {
    words = true;
    return is_kind_word(word);
  });
  return words ? known : content.size() <= 3;
}

bool speaks_of_modules(std::string_view text) { return contains(text, "odule") || contains(text, "mport") || contains(text, "resolve"); }

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 96 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_word(c) || c == '.' || c == '/' || c == ':' || c == '-' || c == '@';
  });
}

}  // namespace

// Which kinds of bytes a word holds, as bits: cheaper to collect than to ask for one by one.
constexpr unsigned bit(Byte kind) { return 1u << static_cast<unsigned>(kind); }

struct Masker::Token {
  std::string_view text;
  char next = 0;         // the byte after it
  std::string_view rest; // everything after it
  bool digit = false, lower = false, upper = false, underscore = false, camel = false;
  bool dotted = false, colons = false, hyphen = false, package = false;
  int slashes = 0;
};

void Masker::clear() {
  size_ = 0;
  keep_number_ = false;
  subjects_ = Digest();
  subject_count_ = 0;
}

void Masker::append(std::string_view line, std::string_view named) {
  if (size_ > 0) put(" | ");
  line_ = without_suggestion(line.substr(0, kLineMax));
  member_count_ = 0;
  const std::size_t named_at = named.empty() ? std::string_view::npos : static_cast<std::size_t>(named.data() - line.data());
  for (std::size_t at = 0; at < line_.size() && size_ < kTextMax;) {
    const char c = line_[at];
    if (at == named_at) {
      subject(stable_path(named));
      mask(kAny);
      at = std::min(at + named.size(), line_.size());
      continue;
    }
    switch (byte_class(c)) {
      case Byte::Space:
        if (size_ > 0 && text_[size_ - 1] != ' ') put(' ');
        ++at;
        break;
      case Byte::Digit: at = number(at); break;
      case Byte::Other: at = punctuation(at); break;
      default: at = is_curly(line_.substr(at, 3)) ? curly(at) : word(at);
    }
  }
  while (size_ > 0 && std::strchr(" .;,", text_[size_ - 1])) --size_;
}

void Masker::append_verbatim(std::string_view text) {
  if (size_ > 0) put(" | ");
  put(text);
}

std::size_t Masker::number(std::size_t at) {
  std::size_t end = at;
  bool plain = true;
  const auto joins = [&](std::size_t i) {
    return i + 1 < line_.size() && is_word(line_[i + 1]) &&
           (line_[i] == '.' || line_[i] == ':' || line_[i] == '-');
  };
  std::size_t letters = 0;
  while (end < line_.size() && (is_word(line_[end]) || joins(end))) {
    if (is_word(line_[end]) && !is_digit(line_[end])) ++letters;
    ++end;
  }
  const auto token = line_.substr(at, end - at);
  plain = letters <= 2 || token.starts_with("0x");
  if (keep_number_ && letters == 0 && token.size() <= 3) {
    put(token);
  } else {
    mask(plain ? kNumber : kAny);
  }
  keep_number_ = false;
  return end;
}

std::size_t Masker::curly(std::size_t at) {
  const char kind = line_[at + 2];
  if (kind == '\x98') return quote(at, 3, "\xe2\x80\x99");
  if (kind == '\x9c') return quote(at, 3, "\xe2\x80\x9d");
  put(line_.substr(at, 3));
  return at + 3;
}

// A plain word between blanks, the most frequent case by far: where it ends, or `at`.
std::size_t Masker::plain_word(std::size_t at) {
  std::size_t end = at;
  while (end < line_.size() && line_[end] >= 'a' && line_[end] <= 'z') ++end;
  if (end - at < 2 || (end < line_.size() && line_[end] != ' ')) return at;
  const auto text = line_.substr(at, end - at);
  keep_number_ = announces_code(text);
  if (member_count_ > 0 && is_member(text)) mask(kAny);
  else put(text);
  return end;
}

std::size_t Masker::word(std::size_t at) {
  if (const std::size_t end = plain_word(at); end > at) return end;
  Token token;
  std::size_t end = at;
  char before = 0;
  unsigned kinds = 0, last = 0;
  for (; end < line_.size(); before = line_[end], ++end) {
    const char c = line_[end];
    if (is_word(c) && !(c == kCurly[0] && is_curly(line_.substr(end, 3)))) {
      const unsigned kind = bit(byte_class(c));
      token.camel = token.camel | ((last == bit(Byte::Lower)) & (kind == bit(Byte::Upper)));
      kinds |= kind;
      last = kind;
      continue;
    }
    last = 0;
    if (end + 1 >= line_.size()) break;
    const char after = line_[end + 1];
    if (c == '\'' && is_letter(before) && is_letter(after) && !is_curly(line_.substr(end + 1, 3))) continue;  // isn't
    if (c == ':' && line_.substr(end).starts_with("://")) {
      while (end < line_.size() && !ends_url(line_[end])) ++end;
      keep_number_ = false;
      mask(kAny);
      return end;
    }
    if (c == ':' && after == ':' && end + 2 < line_.size() && is_word(line_[end + 2])) {
      token.colons = true;
      ++end;
      continue;
    }
    const bool joins = is_word(after) && !is_curly(line_.substr(end + 1, 3));
    if (!joins && !(c == '/' && after == '.')) break;
    if (c == '.') token.dotted = true;
    else if (c == '-') token.hyphen = true;
    else if (c == '/' || c == '\\') ++token.slashes;
    else if (c == '@') token.package = true;
    else break;
  }
  token.digit = (kinds & bit(Byte::Digit)) != 0;
  token.lower = (kinds & bit(Byte::Lower)) != 0;
  token.upper = (kinds & bit(Byte::Upper)) != 0;
  token.underscore = (kinds & bit(Byte::Underscore)) != 0;
  token.text = line_.substr(at, end - at);
  token.next = end < line_.size() ? line_[end] : '\0';
  token.rest = line_.substr(end);
  if (token.text.size() <= 2 && !ends_with(kAny) && !ends_with(kNumber) && (token.next == '\'' || token.next == '"') &&
      token.text.find_first_not_of("bBfFrRuU") == std::string_view::npos)
    return quote(end, 1, line_.substr(end, 1));
  decide(token);
  return end;
}

// The s of `argument(s)`.
bool Masker::is_plural_mark(const Token& token) const {
  const auto at = static_cast<std::size_t>(token.text.data() - line_.data());
  return token.text == "s" && token.next == ')' && at >= 2 && line_[at - 1] == '(' && is_letter(line_[at - 2]);
}

void Masker::decide(const Token& token) {
  const auto text = token.text;
  const bool announced = announces_code(text);
  const bool compound = token.slashes > 0 || token.dotted || token.colons || token.hyphen || token.package;
  const auto masked = [&] {
    subject(text);
    mask(kAny);
    keep_number_ = false;
  };
  if (compound) {
    decide_compound(token);
    keep_number_ = false;
    return;
  }
  keep_number_ = announced;
  const bool looks_own = !names_fault(text) && (token.digit || token.underscore || token.camel ||
                                                (text.size() == 1 && text != "a" && text != "A" && text != "I"));
  if (token.next == '(' && !token.rest.starts_with("(s)") && !token.rest.starts_with("(es)")) {
    return is_kind_word(text) || names_fault(text) ? put(text) : masked();
  }
  if (!looks_own && member_count_ > 0 && is_member(text)) return masked();
  if (!looks_own || is_plural_mark(token)) return put(text);
  if (token.digit && is_error_code(text)) return put(text);
  if (token.underscore && !token.lower && token.upper) return put(text);  // ERR_MODULE_NOT_FOUND
  if (token.camel && token.rest.starts_with(" {")) return put(text);      // a debug print names the type
  if (is_kind_word(text)) return put(text);
  masked();
}

void Masker::decide_compound(const Token& token) {
  const auto text = token.text;
  const auto masked = [&] {
    subject(token.slashes > 0 ? stable_path(text) : text);
    mask(kAny);
  };
  if (token.slashes > 0) {
    const bool words = token.slashes == 1 && !token.dotted && !token.digit && !token.underscore && !token.package &&
                       !token.camel && token.next != '(';
    return words ? put(text) : masked();
  }
  if (token.package) return masked();
  if (token.dotted || token.colons) {
    const auto last = text.substr(text.find_last_of(".:") + 1);
    if (names_fault(last) && is_letter(last.front()) && std::all_of(last.begin(), last.end(), is_word)) return put(last);
    const bool known = each_word(text, [](std::string_view part) { return is_kind_word(part); });
    if (known) return put(text);
    note_member(last);
    return masked();
  }
  const bool own = token.digit || token.underscore || token.camel || token.next == '(';
  return own && !is_kind_word(text) ? masked() : put(text);
}

std::size_t Masker::quote(std::size_t at, std::size_t open_size, std::string_view close) {
  const std::size_t begin = at + open_size;
  const bool excerpt = at >= 3 && close == "\"" && line_.substr(at - 3, 3) == "...";
  std::size_t end = begin;
  for (;; ++end) {
    end = line_.find(close, end);
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
  if (!excerpt && keeps_quoted(content)) {
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
    case '/':
    case '.':
    case '~':
      if (fresh && c != after && (is_word(after) || after == '/')) return path(at);
      if (fresh && line_.substr(at, 3) == "../") return path(at);
      break;
    case '{': {
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

std::size_t Masker::path(std::size_t at) {
  std::size_t end = at;
  while (end < line_.size() && !ends_path(line_[end])) ++end;
  while (end > at + 1 && line_[end - 1] == '.') --end;  // the full stop of the sentence
  subject(stable_path(line_.substr(at, end - at)));
  mask(kAny);
  return std::max(end, at + 1);
}

// A list of masked things is one masked thing, however long it is.
void Masker::mask(std::string_view placeholder) {
  for (const std::string_view joint : {", and ", ", ", " and "}) {
    if (size_ < placeholder.size() + joint.size() || !ends_with(joint)) continue;
    size_ -= joint.size();
    if (ends_with(placeholder)) return;
    size_ += joint.size();
    break;
  }
  put(placeholder);
}

void Masker::put(std::string_view bytes) {
  const std::size_t room = text_.size() - size_;
  const std::size_t size = std::min(bytes.size(), room);
  std::memcpy(text_.data() + size_, bytes.data(), size);
  size_ += size;
}

void Masker::put(char c) {
  if (size_ < text_.size()) text_[size_++] = c;
}

void Masker::subject(std::string_view name) {
  subjects_.add(name);
  ++subject_count_;
}

void Masker::note_member(std::string_view name) {
  if (member_count_ < members_.size()) members_[member_count_++] = name;
}

// `order.total undefined (type Order has no field or method total)`: the second one is the user's name, too.
bool Masker::is_member(std::string_view word) const {
  for (std::size_t i = 0; i < member_count_; ++i)
    if (members_[i] == word && !is_kind_word(word)) return true;
  return false;
}

bool Masker::ends_with(std::string_view tail) const { return text().ends_with(tail); }

std::string_view stable_path(std::string_view path) {
  const std::size_t file = last_separator(path);
  if (file == std::string_view::npos) return path;
  const auto folders = path.substr(0, file);
  const std::size_t folder = last_separator(folders);
  const auto last = folder == std::string_view::npos ? folders : folders.substr(folder + 1);
  const bool generated = last.empty() || std::any_of(last.begin(), last.end(), is_digit);
  return path.substr(generated ? file + 1 : file - last.size());
}

}  // namespace swarm::analyst::domain

#include "domain/masking.hpp"

#include <algorithm>
#include <cstring>

#include "domain/kind_words.hpp"
#include "domain/mask_syntax.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

bool is_operator(char c) {
  switch (c) {
    case '+': case '*': case '%': case '=': case '!': case '<': case '>': case '&': case '|': return true;
    default: return false;
  }
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

bool ends_url(char c) {
  switch (c) {
    case '\'': case '"': case '`': case ')': case '>': case ',': return true;
    default: return is_blank(c);
  }
}

// `packages/parcel`: beneath what projects call their folders.
bool is_in_folder(std::string_view path) {
  const auto folder = path.substr(0, path.find('/'));
  for (const std::string_view usual : {"src", "lib", "libs", "app", "apps", "packages", "modules", "crates", "tests", "test", "cmd", "internal", "components", "services"})
    if (folder == usual) return true;
  return false;
}

// `NotRegistered`
bool is_capitalised(std::string_view word) {
  return word.size() > 2 && word[0] >= 'A' && word[0] <= 'Z' && std::all_of(word.begin(), word.end(), is_letter) &&
         std::any_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool is_separator(char c) { return c == '/' || c == '\\'; }

std::size_t last_separator(std::string_view path) {
  for (std::size_t at = path.size(); at-- > 0;)
    if (is_separator(path[at])) return at;
  return std::string_view::npos;
}

// A digest that happens to begin with a digit.
bool is_hash(std::string_view text, std::size_t letters) {
  return letters > 0 && text.size() >= 7 && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
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
  line_begin_ = size_;
  line_ = without_suggestion(line.substr(0, kLineMax));
  member_count_ = 0;
  announced_ = Announced::Nothing;
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
  announced_ = Announced::Nothing;
  std::size_t end = at;
  bool plain = true;
  const auto joins = [&](std::size_t i) {
    return i + 1 < line_.size() && is_word(line_[i + 1]) &&
           (line_[i] == '.' || line_[i] == ':' || line_[i] == '-');
  };
  const auto joins_twice = [&](std::size_t i) { return line_.substr(i, 2) == "::" && i + 2 < line_.size() && is_word(line_[i + 2]); };
  std::size_t letters = 0;
  while (end < line_.size() && (is_word(line_[end]) || joins(end) || joins_twice(end))) {
    if (is_word(line_[end]) && !is_digit(line_[end])) ++letters;
    end += joins_twice(end) ? 2 : 1;
  }
  const auto token = line_.substr(at, end - at);
  plain = token.starts_with("0x") || (letters <= 2 && !is_hash(token, letters));
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
  const Announced announced = announced_;
  announced_ = announced_by(text, announced);
  if (member_count_ > 0 && is_member(text)) {
    mask(kAny);
  } else if (stands_for_name(text, end, announced)) {
    subject(text);
    mask(kAny);
    announced_ = Announced::Nothing;
  } else {
    put(text);
  }
  return end;
}

// A word of letters that the message uses as a name. Asked of every word, so what is cheap comes first. What stands
// before is read as it was written out, and blanks count once, so that a second pass sees the same.
bool Masker::stands_for_name(std::string_view word, std::size_t end, Announced announced) const {
  if ((announced == Announced::Name || announced == Announced::Type) && is_announced_name(announced, word, {})) return true;
  std::size_t next = end;
  while (next < line_.size() && is_blank(line_[next])) ++next;
  const char after = next < line_.size() ? line_[next] : '\0';
  const auto before = text().substr(line_begin_);
  const char last = before.size() > 1 ? before[before.size() - 2] : '\0';
  const bool opens = last == ':' || last == '\0' || last == '|';
  const bool opening = opens && (after == '\0' || after == 'r' || after == 'd' || after == 'h' || after == 'v' || after == '(' ||
                                 after == '.' || after == ';' || after == ',' || after == 'w' || after == 'm' || after == 'c' || after == 'n' || after == 'a' || after == 'i');
  const bool telling = (after == '(' && next > end) || announced == Announced::Operand || announced == Announced::Last || is_operator(after) || is_operator(last) ||
                       last == '-' || opening || (after == ':' && next == end && next + 1 < line_.size() && (is_word(line_[next + 1]) || before.ends_with("for "))) ||
                       (after == 'i' && before.ends_with("value ")) || (after == 'a' && line_.substr(next).starts_with("and not used")) ||
                       (after == 'd' && line_.substr(next).starts_with("depends"));
  if (!telling) return false;
  std::array<char, 48> rest;
  std::size_t size = 0;
  for (; end < line_.size() && size < rest.size(); ++end) {
    const char c = is_blank(line_[end]) ? ' ' : line_[end];
    if (c != ' ' || size == 0 || rest[size - 1] != ' ') rest[size++] = c;
  }
  auto told = std::string_view(rest.data(), size);
  if (end == line_.size())
    while (!told.empty() && std::strchr(" .;,", told.back())) told.remove_suffix(1);
  return is_announced_name(announced, word, told) || is_name_by_grammar(before, word, told);
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
    if (c == '@' && (after == '^' || after == '~' || ((after == '<' || after == '>') && end + 2 < line_.size() && (is_digit(line_[end + 2]) || line_[end + 2] == '=')))) {  // `parcel@^1.2`
      while (end < line_.size() && !ends_url(line_[end])) ++end;
      mask(kAny);
      return end;
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

// `expect(received).resolves.toBeNull()`: what the test asks for, not a name of the project's.
bool Masker::is_matcher(std::string_view text) const {
  const auto at = static_cast<std::size_t>(text.data() - line_.data());
  return at >= 2 && line_[at - 1] == '.' && line_[at - 2] == ')' && line_.starts_with("expect(");
}

// `total[row]`: what is indexed, and a name to index by.
bool Masker::is_indexed(const Token& token) const {
  const auto at = static_cast<std::size_t>(token.text.data() - line_.data());
  if ((token.next != '[' && token.next != ']') || is_kind_word(token.text) || is_error_code(token.text)) return false;
  if (token.next == '[') return token.rest.size() > 2 && is_word(token.rest[1]) && token.lower && token.rest.find(']') != std::string_view::npos;
  return token.next == ']' && at >= 2 && line_[at - 1] == '[' && (is_word(line_[at - 2]) || line_[at - 2] == '>' || line_[at - 2] == ']');
}

// `celery.exceptions.NotRegistered: …`: what opens a message stands for the type of fault.
bool Masker::heads_message(const Token& token) const {
  const auto before = text().substr(line_begin_);
  return (before.empty() || before.ends_with("| ")) && (token.next == '\0' || token.rest.starts_with(": ") || token.rest == ":");
}

// `found Order where`: no word of a sentence has a capital in its middle.
bool Masker::is_capital_within(const Token& token) const {
  const auto word = token.text;
  if (word.size() < 3 || word[0] < 'A' || word[0] > 'Z' || !std::all_of(word.begin() + 1, word.end(), [](char c) { return c >= 'a' && c <= 'z'; })) return false;
  const auto before = text().substr(line_begin_);
  if (before.size() < 2 || before.back() != ' ') return false;
  const char last = before[before.size() - 2];
  return ((last >= 'a' && last <= 'z') || last == '>') && (token.next == '\0' || token.next == ' ' || token.next == ',' || token.next == '(' ||
                                                       token.next == '.' || token.next == ';') &&
         !is_kind_word(word) && !names_fault(word);
}

// `*Order`, `&Order`, `<Order at 0x7f3a>`
bool Masker::is_pointed_at(std::string_view text) const {
  const auto at = static_cast<std::size_t>(text.data() - line_.data());
  if (at == 0 || (line_[at - 1] != '*' && line_[at - 1] != '&' && line_[at - 1] != '<')) return false;
  return is_announced_name(Announced::Type, text, {});
}

void Masker::decide(const Token& token) {
  const auto text = token.text;
  const bool announces = announces_code(text);
  const Announced announced = announced_;
  const std::size_t end = line_.size() - token.rest.size();
  announced_ = announced_by(text, announced);
  const bool compound = token.slashes > 0 || token.dotted || token.colons || token.hyphen || token.package;
  const auto masked = [&] {
    subject(text);
    mask(kAny);
    keep_number_ = false;
  };
  if (compound) {
    announced_ = Announced::Nothing;
    keep_number_ = false;
    const bool plain = token.slashes <= 1 && !token.dotted && !token.colons && !token.package;
    return plain && stands_for_name(text, end, announced) ? masked() : decide_compound(token, announced);
  }
  keep_number_ = announces;
  const bool looks_own = !names_fault(text) && (token.digit || token.underscore || token.camel ||
                                                (text.size() == 1 && text != "a" && text != "A" && text != "I"));
  if (token.next == '(' && !token.rest.starts_with("(s)") && !token.rest.starts_with("(es)")) {
    const bool known = is_kind_word(text) && announced != Announced::Name && announced != Announced::Quoted;
    return known || names_fault(text) || is_matcher(text) ? put(text) : masked();
  }
  if (token.camel && is_capitalised(text) && heads_message(token)) return put(text);
  if (token.rest.starts_with(".(") || token.rest.starts_with("/*")) return masked();
  if (is_capital_within(token)) return masked();
  if (!is_plural_mark(token) && (stands_for_name(text, end, announced) || is_pointed_at(text) || is_indexed(token))) return masked();
  if (!looks_own && member_count_ > 0 && is_member(text)) return masked();
  if (!looks_own || is_plural_mark(token)) return put(text);
  if (token.digit && is_error_code(text)) return put(text);
  if (token.underscore && !token.lower && token.upper) return put(text);  // ERR_MODULE_NOT_FOUND
  if (token.camel && token.rest.starts_with(" {")) return put(text);      // a debug print names the type
  if (is_kind_word(text)) return put(text);
  masked();
}

void Masker::decide_compound(const Token& token, Announced announced) {
  const auto text = token.text;
  const auto masked = [&] {
    subject(token.slashes > 0 ? stable_path(text) : text);
    mask(kAny);
  };
  if (token.slashes > 0) {
    const bool words = token.slashes == 1 && !token.dotted && !token.digit && !token.underscore && !token.package &&
                       !token.camel && token.next != '(';
    return words && !is_in_folder(text) && announced != Announced::Type ? put(text) : masked();
  }
  if (token.package) return masked();
  if (token.dotted || token.colons) {
    const auto last = text.substr(text.find_last_of(".:") + 1);
    if (names_fault(last) && is_letter(last.front()) && std::all_of(last.begin(), last.end(), is_word)) return put(last);
    if (token.dotted && is_capitalised(last) && heads_message(token)) return put(last);
    const bool known = each_word(text, [](std::string_view part) { return is_kind_word(part); });
    if (known || is_matcher(text)) return put(text);
    note_member(last);
    return masked();
  }
  const bool own = token.digit || token.underscore || token.camel || token.next == '(';
  return own && !is_kind_word(text) ? masked() : put(text);
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

#include "domain/announced_names.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "domain/kind_words.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

constexpr std::string_view kRelative = "relative";  // written by the masker itself

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What follows `the method` when the message says something of methods.
bool is_word_of_grammar(std::string_view word) {
  switch (word.size()) {
    case 1: return word == "a" || word == "A" || word == "I" || word == "s";
    case 2: return is_one_of(word, {"is", "be", "do", "no", "of", "in", "to", "at", "on", "by", "as", "or", "an", "it", "if"});
    case 3: return is_one_of(word, {"are", "was", "has", "had", "can", "may", "not", "for", "and", "but", "the", "its", "set", "did", "got"});
    case 4: return is_one_of(word, {"were", "been", "have", "does", "must", "will", "from", "with", "that", "than", "when", "then", "only", "type", "name", "like", "more"});
    case 5: return is_one_of(word, {"could", "might", "would", "which", "named", "names", "types", "value", "found", "error", "there", "after", "calls"});
    case 6: return is_one_of(word, {"cannot", "should", "values", "within", "before", "failed", "exists", "errors", "needed"});
    case 7: return is_one_of(word, {"without", "already", "missing", "defined", "doesn't", "version", "between", "because"});
    case 8: return is_one_of(word, {"required", "expected", "declared", "requires", "possibly", "mismatch", "manager"});
    default: return false;
  }
}

// Grammar that stands only behind a name which opens the message.
constexpr std::array<std::string_view, 8> kAfterOpeningName = {
    " redeclared in this block", " declared and not used", " declared but not used", " defined and not used",
    " has private access in ", " is not abstract and does not override", " validation failed", " (type "};

// What a number follows that says how much or which: `line:12`.
bool counts(std::string_view word) {
  return is_one_of(word, {"line", "col", "column", "code", "status", "errno", "exit", "port", "size", "count", "at", "in", "error", "id", "pid"});
}

// `order does not exist`, `parcel must be open`: the subject of a sentence.
bool follows_subject(std::string_view rest) {
  for (const std::string_view verb : {" is ", " was ", " does not ", " doesn't ", " has no ", " must ", " cannot ", " can't ", " could not ", " not found", " already "})
    if (rest.starts_with(verb)) return true;
  return false;
}

// `<=1.2`
bool compares_versions(std::string_view rest) {
  if (rest.size() < 3) return false;
  const std::string_view sign = rest.substr(0, 2);
  return is_one_of(sign, {"<=", ">=", "~=", "!="}) || ((sign[0] == '<' || sign[0] == '>') && is_digit(sign[1]));
}

// `NoSuchTableError: orders`: nothing but a name or a value behind a fault that says by its own name what is wrong.
bool ends_typed(std::string_view before) {
  if (!before.ends_with(": ")) return false;
  before.remove_suffix(2);
  const auto type = before.substr(before.find_last_of(" |.") + 1);
  if (!names_fault(type)) return false;
  for (const std::string_view lacks : {"NoSuch", "NotFound", "Unknown", "Missing", "Undefined", "NotExist", "Exists", "Duplicate", "Key"})
    if (contains(type, lacks)) return true;
  return false;
}

// `unknown instruction: parcel`, `flag redefined: parcel`: what is the matter, and whose.
bool ends_naming(std::string_view before) {
  if (!before.ends_with(": ")) return false;
  before.remove_suffix(2);
  before = before.substr(before.find_last_of(":|") + 1);
  for (const std::string_view matter : {"nknown", "ndefined", "edefined", "o such", "uplicate", "nrecognized", "ninitialized", "nresolved", "nsupported"})
    if (contains(before, matter)) return true;
  return false;
}

bool is_binary_operator(std::string_view text) {
  return is_one_of(text, {"+", "*", "%", "==", "!=", "<=", ">=", "&&", "||"});
}

}  // namespace

Announced announced_by(std::string_view word, Announced before) {
  if (word.size() < 2 || word.size() > 11) return Announced::Nothing;
  switch (word.front()) {
    case 'A': return word == "Attribute" || word == "Argument" ? Announced::Quoted : Announced::Nothing;
    case 'F': return word == "Function" || word == "Field" ? Announced::Quoted : Announced::Nothing;
    case 'M': return word == "Method" || word == "Member" ? Announced::Quoted : Announced::Nothing;
    case 'P': return word == "Package" ? Announced::Name : word == "Property" || word == "Parameter" ? Announced::Quoted : Announced::Nothing;
    case 'T': return word == "Topic" ? Announced::Name : Announced::Nothing;
    case 'V': return word == "Variable" ? Announced::Quoted : Announced::Nothing;
    case 'a':
      if (word == "as") return Announced::Type;
      if (word == "argument") return Announced::Target;
      if (word == "arg") return Announced::Name;
      return word == "attribute" ? Announced::Quoted : Announced::Nothing;
    case 'b': return word == "branch" ? Announced::Name : word == "but" ? Announced::Operand : Announced::Nothing;
    case 'c':
      if (word == "call") return Announced::Target;
      if (word == "column" || word == "container" || word == "constraint") return Announced::Name;
      if (word == "constant") return Announced::Type;
      return word == "class" ? Announced::Type : word == "crate" ? Announced::Name : Announced::Nothing;
    case 'e': return word == "endpoint" ? Announced::Name : word == "export" ? Announced::Quoted : Announced::Nothing;
    case 'f':
      if (word == "for") return Announced::Type;
      if (word == "field" || word == "func") return Announced::Name;
      return word == "function" || word == "fn" ? Announced::Quoted : Announced::Nothing;
    case 'g': return word == "gem" ? Announced::Name : Announced::Nothing;
    case 'i':
      if (word == "identifier") return Announced::Quoted;
      return word == "in" || word == "interface" || word == "implement" ? Announced::Type : Announced::Nothing;
    case 'k': return word == "keyword" ? Announced::Quoted : Announced::Nothing;
    case 'l': return word == "label" ? Announced::Name : Announced::Nothing;
    case 'm': return word == "method" ? Announced::Name : word == "member" ? Announced::Quoted : Announced::Nothing;
    case 'n': return word == "network" || word == "named" || word == "name" ? Announced::Name : Announced::Nothing;
    case 'o': return word == "option" ? Announced::Name : word == "overloaded" ? Announced::Quoted : Announced::Nothing;
    case 'p': return word == "package" || word == "project" || word == "property" ? Announced::Name : word == "parameter" ? Announced::Quoted : Announced::Nothing;
    case 'r': return word == "relation" ? Announced::Name : word == "reading" ? Announced::Quoted : Announced::Nothing;
    case 's': return word == "service" ? Announced::Name : word == "struct" ? Announced::Type : Announced::Nothing;
    case 't':
      if (word == "to") return before == Announced::Target ? Announced::Last : Announced::Type;
      if (word == "table" || word == "task" || word == "target") return Announced::Name;
      return word == "type" || word == "trait" ? Announced::Type : Announced::Nothing;
    case 'u': return word == "use" ? Announced::Operand : Announced::Nothing;
    case 'v':
      if (word == "value") return Announced::Target;
      return word == "variable" ? Announced::Name : Announced::Nothing;
    default: return Announced::Nothing;
  }
}

bool is_announced_name(Announced announced, std::string_view word, std::string_view rest) {
  if (word == kRelative) return false;
  switch (announced) {
    case Announced::Name: return !is_kind_word(word) && !names_fault(word) && !is_word_of_grammar(word);
    case Announced::Type: {
      const bool capital = word.size() > 1 && word[0] >= 'A' && word[0] <= 'Z' && word[1] >= 'a' && word[1] <= 'z';
      return capital && !is_kind_word(word) && !names_fault(word);
    }
    case Announced::Last: return !names_fault(word) && (rest.empty() || rest.front() == ':' || rest.front() == ',');
    case Announced::Operand:
      return rest.starts_with(" (variable of ") || rest.starts_with(" (value of ") || rest.starts_with(" (constant ") ||
             rest.starts_with(" (untyped ") || rest.starts_with(" returns ");
    default: return false;
  }
}

bool is_name_by_grammar(std::string_view before, std::string_view word, std::string_view rest) {
  if (word == kRelative) return false;
  const bool opens = before.empty() || before.ends_with(": ") || before.ends_with("| ");
  if (opens && rest.starts_with(' ') && std::any_of(kAfterOpeningName.begin(), kAfterOpeningName.end(), [&](auto tail) { return rest.starts_with(tail); }))
    return true;
  if (is_kind_word(word) || names_fault(word)) return false;
  // A capital at the line's beginning is only the sentence's.
  if (opens && follows_subject(rest) && !is_word_of_grammar(word) && (!before.empty() || word[0] >= 'a')) return true;
  if (rest.empty() && (ends_typed(before) || ends_naming(before))) return true;
  if (rest.starts_with(" and not used")) return true;
  if (before.ends_with(" for ") && rest.starts_with(": ")) return true;
  if (before.ends_with("value ") && rest.starts_with(" is not a member")) return true;
  if (rest.starts_with("==") || compares_versions(rest) || rest.starts_with(" depends on ") || before.ends_with("such file -- ")) return true;
  // `undefined: total`, and nothing after it
  if (opens && rest.empty())
    return before.ends_with("undefined: ") || before.ends_with("eference: ") || before.ends_with("not used: ");
  // `cannot range over total (variable of type int)`
  if (rest.starts_with(" (variable of ") || rest.starts_with(" (constant ") || rest.starts_with(" (neither ") || rest.starts_with(" (value of ") || rest.starts_with(" (untyped ")) return true;
  // `depot:6379`
  if (rest.size() > 2 && rest[0] == ':' && is_digit(rest[1]) && is_digit(rest[2]) && !counts(word)) return true;
  // `com.acme:kit:jar`, `kit:latest`
  const bool joined = !before.empty() && before.back() == ':';
  if (rest.starts_with(':') && rest.size() > 1 && (joined ? is_word(rest[1]) : is_letter(rest[1]))) return true;
  if (rest.size() >= 3 && rest[0] == ' ') {
    const std::size_t end = rest.find(' ', 1);
    if (end != std::string_view::npos && end <= 3 && is_binary_operator(rest.substr(1, end - 1))) return true;
  }
  if (before.size() < 3 || before.back() != ' ') return false;
  const std::size_t begin = before.rfind(' ', before.size() - 2);
  return begin != std::string_view::npos && begin > 0 && before.size() - begin <= 4 && is_binary_operator(before.substr(begin + 1, before.size() - begin - 2));
}

}  // namespace swarm::analyst::domain

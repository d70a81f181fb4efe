#include "domain/rule_check.hpp"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>
#include <vector>

#include "domain/plain_text.hpp"
#include "domain/steering.hpp"
#include "domain/text_class.hpp"
#include "libs/base/check.hpp"

namespace swarm::analyst::domain {

namespace {

RE2::Set compile(std::initializer_list<const char*> patterns) {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_encoding(RE2::Options::EncodingLatin1);
  RE2::Set set(options, RE2::UNANCHORED);
  for (const char* pattern : patterns) {
    std::string error;
    SWARM_CHECK(set.Add(pattern, &error) >= 0, error);
  }
  SWARM_CHECK(set.Compile(), "patterns do not compile");
  return set;
}

bool matches(const RE2::Set& set, std::string_view text) {
  std::vector<int> which;
  return set.Match(re2::StringPiece(text.data(), text.size()), &which);
}

bool is_filler(std::string_view word) {
  for (const std::string_view filler :
       {"with", "that", "this", "from", "have", "been", "were", "which", "while", "when", "must", "than", "into", "only"})
    if (word == filler) return true;
  return word.size() < 4;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const char c : text) {
    if (is_word(c)) word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    else if (c != '\'') flush();
  }
  flush();
  return words;
}

// `checks`, `checking` and `checked` say the same.
std::string stem(std::string word) {
  for (const std::string_view ending : {"ing", "ed", "es", "s", "e"}) {
    if (!word.ends_with(ending) || word.size() < ending.size() + 3 || word.ends_with("ss")) continue;
    word.resize(word.size() - ending.size());
    break;
  }
  if (word.size() > 3 && word[word.size() - 1] == word[word.size() - 2]) word.pop_back();  // stopp-ed
  return word;
}

// One word for those that ask for the same.
std::string_view plain_word(std::string_view word) {
  constexpr std::pair<std::string_view, std::string_view> kSame[] = {
      {"verify", "check"}, {"ensure", "check"}, {"sure", "check"}, {"validate", "check"}, {"confirm", "check"}, {"guard", "check"}, {"test", "check"},
      {"prior", "before"}, {"access", "read"}, {"accessing", "read"}, {"reading", "read"}, {"lookup", "read"}, {"utilize", "use"}, {"employ", "use"}, {"prefer", "use"},
      {"present", "exist"}, {"exists", "exist"}, {"there", "exist"}, {"defined", "exist"}, {"none", "null"}, {"nil", "null"}};
  for (const auto& [other, one] : kSame)
    if (word == other) return one;
  return word;
}

bool forbids(std::string_view word) {
  for (const std::string_view no : {"never", "dont", "not", "avoid", "without", "no", "stop", "refrain", "forbidden", "prohibited", "cannot",
                                    "cant", "shouldnt", "mustnt", "neither", "nor", "unsafe", "disallowed", "banned", "instead"})
    if (word == no) return true;
  return false;
}

// The text without what stands in double quotes.
std::string unquoted(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    else if (!quoted) out.push_back(c);
  }
  return out;
}

std::string quoted_part(std::string_view text) {
  const auto open = text.find('"');
  const auto close = text.rfind('"');
  return open == text.npos || close == open ? std::string() : std::string(text.substr(open + 1, close - open - 1));
}

struct Directive {
  bool negated = false;
  std::set<std::string> words;
};

// A text's clauses, each as the set of its telling words and whether it forbids.
std::vector<Directive> directives(std::string_view text) {
  std::vector<Directive> found;
  const std::string plain = unquoted(text);
  for (std::size_t at = 0; at < plain.size();) {
    std::size_t end = std::min(plain.find_first_of(".;:", at), plain.size());
    while (end + 1 < plain.size() && !is_blank(plain[end + 1])) end = std::min(plain.find_first_of(".;:", end + 1), plain.size());  // within a name
    Directive one;
    for (const auto& word : words_of(std::string_view(plain).substr(at, end - at))) {
      if (forbids(word) && word != "instead") one.negated = true;
      else if (!is_filler(word) && word != "always" && word != "should" && word != "instead") one.words.insert(stem(std::string(plain_word(word))));
    }
    if (one.words.size() >= 2) found.push_back(std::move(one));
    at = end + 1;
  }
  return found;
}

// All of a text as one clause.
Directive telling_words(std::string_view text) {
  Directive all;
  for (const auto& word : words_of(text)) {
    if (forbids(word)) all.negated = true;
    else if (!is_filler(word)) all.words.insert(stem(std::string(plain_word(word))));
  }
  return all;
}

constexpr double kSameWords = 0.75;

double overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  if (a.empty() && b.empty()) return 0;
  const auto common = static_cast<double>(std::count_if(a.begin(), a.end(), [&](const auto& word) { return b.contains(word); }));
  return common / (static_cast<double>(a.size() + b.size()) - common);
}

}  // namespace

bool says_the_same(std::string_view a, std::string_view b) {
  // One remedy for two causes is two rules.
  if (words_of(quoted_part(a)) != words_of(quoted_part(b))) return false;
  const auto left = telling_words(unquoted(a)), right = telling_words(unquoted(b));
  if (left.negated != right.negated) return false;
  return (left.words.empty() && right.words.empty()) || overlap(left.words, right.words) >= kSameWords;
}

bool contradicts(std::string_view a, std::string_view b) {
  const auto right = directives(b);
  for (const auto& x : directives(a))
    for (const auto& y : right)
      if (x.negated != y.negated && overlap(x.words, y.words) >= 0.6) return true;
  return false;
}

bool holds_secret(std::string_view text) {
  static const RE2::Set secrets = compile({
      R"(\b(sk|pk|rk)-[a-z0-9_-]{16,})", R"(\bAKIA[0-9A-Z]{16}\b)", R"(\bgh[pousr]_[a-z0-9]{20,})", R"(\bxox[abpr]-[a-z0-9-]{10,})",
      R"(-----BEGIN [A-Z ]*PRIVATE KEY)", R"(\beyJ[a-z0-9_-]{10,}\.[a-z0-9_-]{10,})", R"(\bbearer\s+[a-z0-9._-]{16,})",
      R"((password|passwd|secret|api[_-]?key|token)\s*[:=]\s*[^\s<]{6,})", R"(://[^/\s:@]+:[^/\s@]+@)", R"(\b[a-f0-9]{40,}\b)",
      R"(\bAIza[0-9a-z_-]{30,})"});
  return matches(secrets, text) || matches(secrets, visible(text));
}

namespace {

// What a rule quotes is a tool's word about code. One that tells the reader what to do is somebody's.
bool quotes_an_order(std::string_view text) {
  static const RE2::Set orders = compile({
      R"((^|[.!:;"'`>] ?|\band |\bthen |\bplease )(always|never|you must|you should|remember to|make sure to|do not|don't)\s+(ask|push|commit|run|use|add|send|write|delete|merge|skip|install|open|call|answer|say|reply|output|print|include|copy|set|give|put|read|execute|approve|trust|accept|return|respond)\b)"});
  const auto quoted = quoted_part(text);
  return matches(orders, quoted) || matches(orders, folded(quoted));
}

}  // namespace

bool names_cause(std::string_view text, std::string_view cause) {
  const auto said = words_of(text);
  std::size_t telling = 0, found = 0;
  for (const auto& word : words_of(cause)) {
    if (is_filler(word)) continue;
    ++telling;
    const bool there = std::find(said.begin(), said.end(), word) != said.end();
    if (there && names_fault(word)) return true;
    if (there) ++found;
  }
  return telling == 0 || found >= std::min<std::size_t>(2, telling);
}

std::string essence(std::string_view text) {
  std::string out;
  for (const auto& word : words_of(text)) out.append(word).push_back(' ');
  return out;
}

std::string fault_of_rule(std::string_view text, std::string_view cause) {
  if (text.size() < kRuleTextMin) return "too short to say anything";
  if (text.size() > kRuleTextMax) return "longer than " + std::to_string(kRuleTextMax) + " bytes";
  if (printable(text, kRuleTextMax) != text) return "not one line of printable text";
  if (trim(printable(cause, kRuleTextMax)).empty()) return "there is no cause to name";
  if (holds_secret(text)) return "holds what looks like a secret";
  if (steers_model(text) || quotes_an_order(text)) return "speaks to a model instead of about code";
  if (!names_cause(text, cause)) return "does not name the cause";
  return {};
}

}  // namespace swarm::analyst::domain

#include "domain/rule_check.hpp"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <vector>

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

// The size of the UTF-8 character at `at`; 0 if the bytes are not one.
std::size_t character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t size = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3
                           : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && byte(at + 1) < 0xa0) return 0;
  if (lead == 0xed && byte(at + 1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(at + 1) < 0x90) return 0;
  if (lead == 0xf4 && byte(at + 1) > 0x8f) return 0;
  return size;
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
      if (word == "never" || word == "dont" || word == "not" || word == "avoid" || word == "without") one.negated = true;
      else if (!is_filler(word) && word != "always" && word != "should" && word != "instead") one.words.insert(word);
    }
    if (one.words.size() >= 2) found.push_back(std::move(one));
    at = end + 1;
  }
  return found;
}

double overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  if (a.empty() && b.empty()) return 0;
  const auto common = static_cast<double>(std::count_if(a.begin(), a.end(), [&](const auto& word) { return b.contains(word); }));
  return common / (static_cast<double>(a.size() + b.size()) - common);
}

}  // namespace

bool says_the_same(std::string_view a, std::string_view b) {
  const auto alike = [](std::string_view x, std::string_view y) {
    const auto left = words_of(x), right = words_of(y);
    return (left.empty() && right.empty()) || overlap({left.begin(), left.end()}, {right.begin(), right.end()}) >= 0.9;
  };
  // One remedy for two causes is two rules.
  return alike(unquoted(a), unquoted(b)) && words_of(quoted_part(a)) == words_of(quoted_part(b));
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
  return matches(secrets, text);
}

bool steers_model(std::string_view text) {
  static const RE2::Set attempts = compile({
      R"(\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|prompt|rule|constraint|previous|above|earlier|polic|guardrail|safety))",
      R"(\bsystem\s*(prompt|message|instruction)|\bdeveloper\s+(mode|message))", R"(\byou\s+are\s+(now|an?\b))", R"(\bact\s+as\b|\bpretend\b|\brole-?play)",
      R"(\bnew\s+instructions?\b|\binstructions?\s*:)", R"(\bjailbreak|\bDAN\b mode|\bas an ai\b)", R"(<\s*/?\s*(script|system|assistant|user|failure|tool)\b)",
      R"(\[/?inst\]|<\|)", R"(https?://|ftp://|\bwww\.)", R"(\b(curl|wget)\b[^.]{0,80}\|\s*(ba|z)?sh)", R"(\brm\s+-[a-z]*[rf])",
      R"(\b(exfiltrat|upload|send|post|leak|reveal|print|e-?mail)\w*\b.{0,60}\b(secret|credential|token|password|api key|environment variable|env var|\.env|ssh key))",
      R"(\bdo\s+not\s+(tell|mention|reveal)|\bwithout\s+(telling|asking|review|tests?)\b)", R"(\b(disable|skip|delete|remove)\b.{0,30}\b(all\s+)?(tests?|checks?|security|auth|validation|logging)\b)",
      R"(\bchmod\s+777|\bsudo\b|\beval\s*\(|\bbase64\s+(-d|--decode))"});
  return matches(attempts, text);
}

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

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character(text, at);
    if (out.size() + std::max<std::size_t>(size, 1) > bytes_max) break;
    const char c = text[at];
    if (size == 0) out.push_back('?');
    else if (size > 1) out.append(text.substr(at, size));
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) { if (!out.empty() && out.back() != ' ') out.push_back(' '); }
    else out.push_back(c);
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

std::string fault_of_rule(std::string_view text, std::string_view cause) {
  if (text.size() < kRuleTextMin) return "too short to say anything";
  if (text.size() > kRuleTextMax) return "longer than " + std::to_string(kRuleTextMax) + " bytes";
  if (printable(text, kRuleTextMax) != text) return "not one line of printable text";
  if (holds_secret(text)) return "holds what looks like a secret";
  if (steers_model(text)) return "speaks to a model instead of about code";
  if (!names_cause(text, cause)) return "does not name the cause";
  return {};
}

}  // namespace swarm::analyst::domain

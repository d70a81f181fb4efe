#include "domain/steering.hpp"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "domain/plain_text.hpp"
#include "domain/text_class.hpp"
#include "libs/base/check.hpp"

namespace swarm::analyst::domain {

namespace {

RE2::Options options() {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_encoding(RE2::Options::EncodingLatin1);
  return options;
}

bool contains_word(std::string_view words, std::string_view word) {
  for (std::size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1))
    if ((at == 0 || words[at - 1] == ' ') && (at + word.size() == words.size() || words[at + word.size()] == ' ')) return true;
  return false;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// Refused wherever it stands.
bool speaks_to_a_model(std::string_view text) {
  static const RE2::Set attempts = [] {
    RE2::Set set(options(), RE2::UNANCHORED);
    for (const char* pattern : {
             R"(\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|prompt|rule|constraint|previous|above|earlier|polic|guardrail|safety))",
             R"(\bsystem\s*(prompt|message|instruction)|\bdeveloper\s+(mode|message))", R"(\byou\s+are\s+(now|an?\b))", R"(\bact\s+as\b|\bpretend\b|\brole-?play)",
             R"(\bnew\s+instructions?\b|\binstructions?\s*:)", R"(\bjailbreak|\bDAN\b mode|\bas an ai\b)", R"(<\s*/?\s*(script|system|assistant|user|failure|tool)\b)",
             R"(\[/?inst\]|<\|)", R"(https?://|ftp://|\bwww\.)", R"(\bdo\s+not\s+(tell|mention|reveal)|\bwithout\s+(telling|asking|review|tests?)\b)",
             // links that don't look like one, and things to fetch
             R"(\bhxxps?\b|\b[a-z0-9-]+(\.|\[\.\]|\(dot\))(com|org|ru|cn|xyz|top|info|biz|site|online|tk|icu)\b|\bdata:[a-z]+/)",
             R"(\b(visit|browse|download|fetch|navigate|go)\b.{0,20}\b(to|from)?\s*\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
             // words to agents and of what they shall do later
             R"(\b(agents?|assistants?|llms?|coders?|reviewers?|claude|chatgpt|copilot)\b.{0,20}\b(must|shall|should|has to|have to|need to|please)\b)",
             R"(\b(models?|bots?)\b.{0,20}\bplease\b)",
             R"(\bfrom now on\b|\bhenceforth\b|\b(in|for)\s+(all|every|any)\s+(future|following|later|next)\b|\bin\s+(the\s+)?future\b.{0,20}\b(always|never|you)\b)",
             R"(```|~~~|<!--|\]\(|&#x?[0-9a-f]+;)",
             // the same in other languages
             R"(\b(ignorier|missacht|vergiss|verwirf)\w*\b.{0,40}\b(anweisung|regel|vorgabe|vorherig|bisherig)|\b(ignore[zr]?|oublie[zr]?|n..?gligez?)\b.{0,40}\b(instruction|consigne|r..?gle|pr..?c..?dent))",
             R"(\b(ignor[ae]|olvid[ae]|omit[ae]|dimentica|esque..?a|desconsidere)\w*\b.{0,40}\b(instruc|istruzion|regla|regra|regol|anterior|precedent))",
             R"(\b(negeer|vergeet)\b.{0,40}\b(instructie|opdracht|regel|eerdere|vorige)|\b(zignoruj|pomi..?|zapomnij)\w*\b.{0,40}\b(instrukcj|polece|zasad|poprzedni))",
             "\xd0\xb8\xd0\xb3\xd0\xbd\xd0\xbe\xd1\x80\xd0\xb8\xd1\x80\xd1\x83|\xd0\xb7\xd0\xb0\xd0\xb1\xd1\x83\xd0\xb4\xd1\x8c",  // игнориру, забудь
             "\xe5\xbf\xbd\xe7\x95\xa5|\xe6\x97\xa0\xe8\xa7\x86|\xe7\x84\xa1\xe8\xa6\x96|\xeb\xac\xb4\xec\x8b\x9c"}) {  // 忽略 无视 無視 무시
      std::string error;
      SWARM_CHECK(set.Add(pattern, &error) >= 0, error);
    }
    SWARM_CHECK(set.Compile(), "patterns do not compile");
    return set;
  }();
  std::vector<int> which;
  return attempts.Match(re2::StringPiece(text.data(), text.size()), &which);
}

// `Never run it with …`: what stands before forbids what follows. Whatever stands between must be of no weight, so that
// `never forget to …` asks for it.
bool is_forbidden(std::string_view before) {
  static const RE2 forbids(
      R"(\b(never|avoid|don'?t|do not|must not|should not|instead of|rather than)(\s+(run|running|use|using|call|calling|it|them|this|rely|relying|add|adding|commit|committing|push|pushing|install|installing|on|with|to|by|the|any|a|code|files|packages|npm|pip|git|commits))*[\s'"`]*$)",
      options());
  return RE2::PartialMatch(re2::StringPiece(before.data(), before.size()), forbids);
}

// Deeds that a rule may name only to forbid them.
bool asks_for_a_deed(std::string_view text) {
  static const RE2 words(R"(\b(unexpected|invalid|missing|illegal|csrf)\s+tokens?\b)", options());
  static const RE2 deeds(
      R"((\b(?:curl|wget)\b[^.]{0,80}\|\s*(?:ba|z)?sh|\brm\s+-[a-z]*[rf]|\bchmod\s+777|\bsudo\b|\beval\s*\(|\bbase64\s+(?:-d|--decode)|--no-verify|\bpush\b.{0,20}(?:--force|\s-f\b)|\bforce[- ]push)"
      R"(|\b(?:disable|skip|delete|remove)\b[^.;,]{0,30}\b(?:tests?|checks?|security|auth|validation|logging)\b)"
      R"(|\b(?:exfiltrat|upload|send|post|leak|reveal|print|e-?mail)\w*\b.{0,60}\b(?:secret|credential|token|password|api key|environment variable|env var|\.env|ssh key)))",
      options());
  std::string plain(text);
  RE2::GlobalReplace(&plain, words, "symbol");  // a parser's, or of a form
  re2::StringPiece left(plain), deed;
  while (RE2::FindAndConsume(&left, deeds, &deed))
    if (!is_forbidden(std::string_view(plain).substr(0, static_cast<std::size_t>(deed.data() - plain.data())))) return true;
  return false;
}

// What may follow `pip install` and fetches nothing that nobody knows: words of the sentence, and packages that everybody does.
constexpr std::string_view kProse =
    "after again all alone an and any as at because before both by dependencies dependency does each every first for from fully has if in inside "
    "instead into is it locally missing modules must new of on once only or packages package requirements right should so step steps fails failed "
    "that the them then these this those to until when which while with without succeeds works -- ...";
constexpr std::string_view kKnown =
    "requests numpy pandas pytest mypy ruff black flake8 pylint setuptools wheel pip build django flask fastapi uvicorn pydantic sqlalchemy alembic "
    "scipy matplotlib scikit-learn torch tensorflow pillow pyyaml redis celery boto3 httpx aiohttp types-requests types-pyyaml pytest-asyncio "
    "typescript eslint prettier jest vitest mocha webpack vite react react-dom next express axios lodash tsx ts-node tsc rimraf concurrently nodemon "
    "@types/node @types/react @types/jest @types/express playwright cypress prisma husky lint-staged "
    "serde serde_json tokio anyhow thiserror clap rails rspec bundler build-essential python3-dev libssl-dev pkg-config git cmake";

bool is_harmless_target(std::string_view word) {
  if (word.empty() || word.front() == '<' || word == "…") return true;  // a placeholder
  if (word == "." || word.starts_with("./") || word.starts_with(".[")) return true;
  return contains_word(kProse, word) || contains_word(kKnown, word);
}

bool is_list_of_packages(std::string_view word) { return word.ends_with(".txt") || word.ends_with(".toml") || word.ends_with(".lock") || word == "." || word.starts_with("./"); }

// Whether the words behind an installing command name something that a rule must not have fetched.
bool fetches_a_stranger(std::string_view words) {
  bool list = false, flags = true;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    auto word = lower(words.substr(at, end - at));
    at = end + 1;
    const bool closes = !word.empty() && std::string_view(".,;:)`'\"").find(word.back()) != std::string_view::npos && word.size() > 1;
    while (word.size() > 1 && std::string_view(",;:)`'\".").find(word.back()) != std::string_view::npos) word.pop_back();
    while (word.size() > 1 && std::string_view("(`'\"").find(word.front()) != std::string_view::npos) word.erase(0, 1);
    if (word.empty()) continue;
    if (flags && word.front() == '-' && word.size() > 1) {
      if (word.find("index") != word.npos || word.find("registry") != word.npos || word.find("host") != word.npos || word == "-i" || word == "-f") return true;
      list = word == "-r" || word == "--requirement" || word == "-e" || word == "--editable";
    } else if (list) {
      if (!is_list_of_packages(word)) return true;
      list = false;
    } else {
      if (!is_harmless_target(word)) return true;
      flags = false;
      // A word of the sentence: what follows is no target any more.
      if (contains_word(kProse, word)) return false;
    }
    if (closes) return false;
  }
  return false;
}

bool installs_a_stranger(std::string_view text) {
  static const RE2 command(
      R"(\b(?:(?:npm|pnpm|yarn|pip3?|uv|poetry|gem|cargo|brew|apt(?:-get)?|go)\s+(?:i|install|add|get|exec|dlx)|npx|uvx|bunx|pipx\s+run)(?:[`'"]?\s+|$))",
      options());
  re2::StringPiece left(text.data(), text.size());
  while (RE2::FindAndConsume(&left, command))
    if (fetches_a_stranger({left.data(), left.size()})) return true;
  return false;
}

// `models must define …` is of the code's classes as long as it is something that classes do.
bool orders_a_model(std::string_view text) {
  static const RE2 order(R"(\b(?:models?|bots?)\b.{0,20}?\b(?:must|shall|should|has to|have to|needs? to)\s+(?:(?:not|always|never|only|also|first|each|all|both)\s+)*(\w+))",
                         options());
  constexpr std::string_view kOfClasses =
      "be have has define declare inherit implement extend derive subclass override specify provide validate check match exist contain set register import "
      "convert handle fit reference live belong load map use call inherit expose export accept take receive";
  re2::StringPiece left(text.data(), text.size()), verb;
  while (RE2::FindAndConsume(&left, order, &verb))
    if (!contains_word(kOfClasses, lower({verb.data(), verb.size()}))) return true;
  return false;
}

bool steers(std::string_view text) {
  return speaks_to_a_model(text) || asks_for_a_deed(text) || installs_a_stranger(text) || orders_a_model(text);
}

}  // namespace

bool steers_model(std::string_view text) { return steers(text) || steers(folded(text)); }

}  // namespace swarm::analyst::domain

#include "domain/stack_classifier.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kTextRead = 4'096;
constexpr std::size_t kWordMax = 64;

/// A word that speaks for a stack, or the end of a file's name. A framework's own words outweigh those of the language
/// that it is written in.
struct Sign {
  std::string_view word;
  std::string_view stack;
  int weight;
};

constexpr auto kWords = std::to_array<Sign>({
    {"python", "python", 3}, {"python3", "python", 3}, {"pytest", "python", 2}, {"pip", "python", 1}, {"django", "python", 2},
    {"flask", "python", 2}, {"fastapi", "python", 2}, {"pandas", "python", 2}, {"numpy", "python", 2}, {"pydantic", "python", 2},
    {"asyncio", "python", 2}, {"mypy", "python", 2}, {"pyproject.toml", "python", 3}, {"requirements.txt", "python", 3},
    {"react", "react", 4}, {"react.js", "react", 4}, {"reactjs", "react", 4}, {"jsx", "react", 4}, {"tsx", "react", 4},
    {"redux", "react", 3}, {"usestate", "react", 4}, {"useeffect", "react", 4}, {"next.js", "react", 3}, {"nextjs", "react", 3},
    {"typescript", "typescript", 3}, {"tsconfig.json", "typescript", 3}, {"tsc", "typescript", 2},
    {"node.js", "node", 3}, {"nodejs", "node", 3}, {"npm", "node", 1},
    {"package.json", "node", 2}, {"javascript", "javascript", 3},
    {"golang", "go", 3}, {"goroutine", "go", 3}, {"goroutines", "go", 3}, {"gofmt", "go", 3}, {"go.mod", "go", 3},
    {"rust", "rust", 3}, {"cargo", "rust", 2}, {"cargo.toml", "rust", 3}, {"rustc", "rust", 3}, {"tokio", "rust", 3}, {"clippy", "rust", 2},
    {"java", "java", 3}, {"maven", "java", 2}, {"gradle", "java", 2}, {"junit", "java", 2}, {"pom.xml", "java", 3},
    {"c++", "cpp", 3}, {"cpp", "cpp", 3}, {"cmake", "cpp", 2}, {"cmakelists.txt", "cpp", 3},
    {"c#", "csharp", 3}, {"dotnet", "csharp", 3}, {"nuget", "csharp", 2},
    {"sql", "sql", 2}, {"postgres", "sql", 2}, {"postgresql", "sql", 2}, {"mysql", "sql", 2}, {"sqlite", "sql", 2},
});

constexpr auto kEndings = std::to_array<Sign>({
    {".py", "python", 3}, {".ipynb", "python", 3}, {".jsx", "react", 4}, {".tsx", "react", 4}, {".ts", "typescript", 3},
    {".js", "javascript", 3}, {".mjs", "node", 3}, {".cjs", "node", 3}, {".go", "go", 3}, {".rs", "rust", 3}, {".java", "java", 3},
    {".cpp", "cpp", 3}, {".hpp", "cpp", 3}, {".cc", "cpp", 3}, {".cs", "csharp", 3}, {".sql", "sql", 3},
});

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '#' || c == '_' || c == '-';
}

const Sign* sign_of(std::string_view word) {
  const auto known = std::find_if(kWords.begin(), kWords.end(), [&](const Sign& s) { return s.word == word; });
  if (known != kWords.end()) return &*known;
  const auto ending = std::find_if(kEndings.begin(), kEndings.end(),
                                   [&](const Sign& s) { return word.size() > s.word.size() && word.ends_with(s.word); });
  return ending == kEndings.end() ? nullptr : &*ending;
}

}  // namespace

std::string stack_of_text(std::string_view text) {
  text = text.substr(0, kTextRead);
  std::map<std::string_view, int> scores;
  for (std::size_t at = 0; at < text.size();) {
    std::string word;
    for (; at < text.size() && in_word(text[at]); ++at) {
      const char c = text[at];
      if (word.size() < kWordMax) word += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    ++at;
    while (!word.empty() && (word.back() == '.' || word.back() == '-')) word.pop_back();  // the end of a sentence
    if (const Sign* sign = sign_of(word)) scores[sign->stack] += sign->weight;
  }
  const auto best = std::max_element(scores.begin(), scores.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (best == scores.end()) return {};
  const auto rivals = std::count_if(scores.begin(), scores.end(), [&](const auto& s) { return s.second == best->second; });
  return rivals > 1 ? std::string() : std::string(best->first);
}

}  // namespace swarm::orchestrator

#include "domain/log_template.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "domain/digest.hpp"
#include "domain/log_tokens.hpp"

namespace swarm::analyst::domain {

namespace {

// A position with more different words than this holds a variable.
constexpr std::size_t kWordsMax = 4;

using TokenId = std::uint32_t;

// Every different token once, with what matters about it.
class Vocabulary {
 public:
  TokenId id(std::string_view token) {
    const auto [at, fresh] = ids_.try_emplace(std::string(token), static_cast<TokenId>(texts_.size()));
    if (fresh) {
      texts_.push_back(at->first);
      word_.push_back(is_log_word(token));
      identifier_.push_back(is_log_identifier(token));
    }
    return at->second;
  }
  const std::string& text(TokenId id) const { return texts_[id]; }
  bool word(TokenId id) const { return word_[id]; }
  bool identifier(TokenId id) const { return identifier_[id]; }
  bool separator(TokenId id) const { return !word_[id] && !is_log_value(texts_[id]); }

 private:
  std::unordered_map<std::string, TokenId> ids_;
  std::vector<std::string> texts_;
  std::vector<bool> word_, identifier_;
};

// One masked line that occurs.
struct Shape {
  std::vector<TokenId> tokens;
  std::string name;  // its template
};

using Shapes = std::vector<Shape*>;

class Splitter {
 public:
  explicit Splitter(const Vocabulary& words) : words_(words) {}

  // Names the template of each shape; all have the same number of tokens. `variable` marks positions already known to vary.
  void split(const Shapes& shapes, std::vector<bool> variable) {
    const auto columns = distinct(shapes);
    std::vector<std::size_t> varying;
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].size() > 1 && !variable[i]) varying.push_back(i);
    if (varying.empty()) return name(shapes, columns, variable);

    for (const auto i : varying)
      if (std::any_of(columns[i].begin(), columns[i].end(), [&](const auto& c) { return words_.separator(c.first); })) return branch_by_separator(shapes, i, variable);

    const bool anchored = has_constant_word(shapes, columns);
    const auto names = anchored ? identifier_columns(columns, varying) : std::vector<std::size_t>();
    if (!names.empty()) {
      for (const auto i : names) variable[i] = true;
      return split(shapes, std::move(variable));
    }
    const auto fewest = *std::min_element(varying.begin(), varying.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(columns[a].size(), a) < std::pair(columns[b].size(), b);
    });
    if (columns[fewest].size() <= kWordsMax) return branch(shapes, fewest, variable);
    if (!anchored) return branch(shapes, varying.front(), variable);
    for (const auto i : varying) variable[i] = true;
    split(shapes, std::move(variable));
  }

 private:
  using Column = std::map<TokenId, std::size_t>;

  static std::vector<Column> distinct(const Shapes& shapes) {
    std::vector<Column> columns(shapes.front()->tokens.size());
    for (const auto* shape : shapes)
      for (std::size_t i = 0; i < columns.size(); ++i) ++columns[i][shape->tokens[i]];
    return columns;
  }

  bool has_constant_word(const Shapes& shapes, const std::vector<Column>& columns) const {
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].size() == 1 && words_.word(shapes.front()->tokens[i])) return true;
    return false;
  }

  // Positions after the first that hold nothing but names of the program are variables as soon as two differ.
  std::vector<std::size_t> identifier_columns(const std::vector<Column>& columns, const std::vector<std::size_t>& varying) const {
    std::vector<std::size_t> found;
    for (const auto i : varying)
      if (i > 0 && std::all_of(columns[i].begin(), columns[i].end(), [&](const auto& c) { return words_.identifier(c.first); })) found.push_back(i);
    return found;
  }

  void branch(const Shapes& shapes, std::size_t position, const std::vector<bool>& variable) {
    std::map<std::string, Shapes> parts;  // by text: the same order on every run
    for (auto* shape : shapes) parts[words_.text(shape->tokens[position])].push_back(shape);
    for (const auto& [word, part] : parts) split(part, variable);
  }

  // A bracket where another line has a word says that the two are different statements; which word, says nothing yet.
  void branch_by_separator(const Shapes& shapes, std::size_t position, const std::vector<bool>& variable) {
    std::map<std::string, Shapes> parts;
    for (auto* shape : shapes) {
      const TokenId token = shape->tokens[position];
      parts[words_.separator(token) ? words_.text(token) : std::string()].push_back(shape);
    }
    for (const auto& [separator, part] : parts) split(part, variable);
  }

  void name(const Shapes& shapes, const std::vector<Column>& columns, const std::vector<bool>& variable) const {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i)
      text += variable[i] && columns[i].size() > 1 ? std::string("<*>") : words_.text(shapes.front()->tokens[i]);
    while (text.ends_with(' ')) text.pop_back();
    for (auto* shape : shapes) shape->name = text;
  }

  const Vocabulary& words_;
};

Id shape_id(const std::vector<TokenId>& tokens) {
  Digest digest;
  for (const auto token : tokens) digest.add(std::uint64_t{token});
  return digest.add(tokens.size()).id();
}

}  // namespace

LogTemplates mine_templates(std::span<const std::string_view> lines) {
  Vocabulary words;
  LogTokens cutter;
  std::vector<Shape> shapes;
  std::unordered_map<Id, std::uint32_t, IdHash> known;
  LogTemplates result;
  for (const auto line : lines) {
    std::vector<TokenId> tokens;
    for (const auto token : cutter.cut(line)) tokens.push_back(words.id(token));
    const auto [at, fresh] = known.try_emplace(shape_id(tokens), static_cast<std::uint32_t>(shapes.size()));
    if (fresh) shapes.push_back({std::move(tokens), {}});
    result.of_line.push_back(at->second);
  }
  std::map<std::size_t, Shapes> by_length;
  for (auto& shape : shapes) by_length[shape.tokens.size()].push_back(&shape);
  Splitter splitter(words);
  for (const auto& [length, same] : by_length) splitter.split(same, std::vector<bool>(length, false));

  for (const auto& shape : shapes) result.templates.push_back(shape.name);
  std::sort(result.templates.begin(), result.templates.end());
  result.templates.erase(std::unique(result.templates.begin(), result.templates.end()), result.templates.end());
  for (auto& index : result.of_line) {
    const auto at = std::lower_bound(result.templates.begin(), result.templates.end(), shapes[index].name);
    index = static_cast<std::uint32_t>(at - result.templates.begin());
  }
  return result;
}

}  // namespace swarm::analyst::domain

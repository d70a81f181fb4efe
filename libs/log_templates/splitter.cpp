#include "libs/log_templates/splitter.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace swarm::log_templates {

using TokenId = Vocabulary::TokenId;

void Splitter::split(const Shapes& shapes, std::vector<bool> variable) const {
  const auto columns = columns_of(shapes);
  std::vector<std::size_t> varying;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    // What an earlier round found to vary waits until nothing else tells the shapes apart.
    if (columns[i].different > 1 && !variable[i] && !columns[i].wild) varying.push_back(i);
  }
  if (varying.empty()) {
    for (std::size_t i = 0; i < columns.size(); ++i) variable[i] = variable[i] || columns[i].wild;
    return name(shapes, columns, variable);
  }
  for (const auto i : varying)
    if (columns[i].separator) return branch(shapes, i, variable, true);
  for (const auto i : varying)
    if (is_key(columns, i)) return branch(shapes, i, variable, false);
  if (varying.front() == 0 && opens_statements(shapes)) return branch(shapes, 0, variable, false);

  const bool anchored = has_constant_word(columns);
  if (anchored) {
    // Positions after the first that hold nothing but names of the program are variables as soon as a few differ.
    bool found = false;
    for (const auto i : varying) {
      if (i == 0 || !columns[i].identifiers || columns[i].different < kNamesMin) continue;
      variable[i] = found = true;
    }
    if (found) return split(shapes, std::move(variable));
  }
  const auto fewest = *std::min_element(varying.begin(), varying.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(columns[a].different, a) < std::pair(columns[b].different, b);
  });
  if (columns[fewest].different <= kWordsMax) return branch(shapes, fewest, variable, false);
  if (!anchored) return branch(shapes, varying.front(), variable, false);
  for (const auto i : varying) variable[i] = true;
  split(shapes, std::move(variable));
}

std::vector<Splitter::Column> Splitter::columns_of(const Shapes& shapes) const {
  std::vector<Column> columns(shapes.front().tokens.size());
  for (const auto& shape : shapes) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      Column& column = columns[i];
      const TokenId token = shape.tokens[i];
      const auto known = column.words.begin() + static_cast<std::ptrdiff_t>(std::min(column.different, kWordsMax));
      if (std::find(column.words.begin(), known, token) != known) continue;
      if (column.different < kWordsMax) column.words[column.different] = token;
      if (column.different <= kWordsMax) ++column.different;
      column.separator = column.separator || words_.separator(token);
      column.identifiers = column.identifiers && words_.identifier(token);
      column.wild = column.wild || token == Vocabulary::kWild;
    }
  }
  return columns;
}

bool Splitter::has_constant_word(const std::vector<Column>& columns) const {
  return std::any_of(columns.begin(), columns.end(), [&](const Column& c) { return c.different == 1 && words_.word(c.words[0]); });
}

bool Splitter::opens_statements(const Shapes& shapes) {
  std::set<TokenId> openings;
  for (const auto& shape : shapes) {
    openings.insert(shape.tokens.front());
    if (openings.size() > kOpeningsMax) return false;
  }
  return true;
}

// `name=`, `name =`: values vary, their names don't.
bool Splitter::is_key(const std::vector<Column>& columns, std::size_t i) const {
  const auto text = [&](std::size_t at) {
    return at < columns.size() && columns[at].different == 1 ? std::string_view(words_.text(columns[at].words[0])) : std::string_view();
  };
  return text(i + 1).starts_with('=') || (text(i + 1) == " " && text(i + 2).starts_with('='));
}

// By separator: a bracket where another line has a word says that the two are different statements; which word, says
// nothing yet.
void Splitter::branch(const Shapes& shapes, std::size_t position, const std::vector<bool>& variable, bool by_separator) const {
  std::map<std::string, Shapes> parts;  // by text: the same order on every run
  for (const auto& shape : shapes) {
    const TokenId token = shape.tokens[position];
    parts[by_separator && !words_.separator(token) ? std::string() : words_.text(token)].push_back(shape);
  }
  for (const auto& [word, part] : parts) split(part, variable);
}

void Splitter::name(const Shapes& shapes, const std::vector<Column>& columns, const std::vector<bool>& variable) {
  std::vector<TokenId> pattern(shapes.front().tokens.begin(), shapes.front().tokens.end());
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (variable[i] && columns[i].different > 1) pattern[i] = Vocabulary::kWild;
  for (const auto& shape : shapes) *shape.pattern = pattern;
}

}  // namespace swarm::log_templates

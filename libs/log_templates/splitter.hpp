#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "libs/log_templates/template_miner.hpp"

namespace swarm::log_templates {

/// One masked line, and the pattern that the splitter finds for it.
struct SplitShape {
  std::span<const Vocabulary::TokenId> tokens;
  std::vector<Vocabulary::TokenId>* pattern;
};

/// Divides shapes of one length into templates. Pure; the result does not depend on the order of the shapes.
class Splitter {
 public:
  using Shapes = std::vector<SplitShape>;
  explicit Splitter(const Vocabulary& words) : words_(words) {}

  /// Sets each shape's pattern. `variable` marks positions already known to vary.
  void split(const Shapes& shapes, std::vector<bool> variable) const;

 private:
  // A position with more different words than this holds a variable.
  static constexpr std::size_t kWordsMax = 4;
  // With so many different names of programs at one position it holds a variable.
  static constexpr std::size_t kNamesMin = 3;
  // The first word names the statement more often than not: it takes more different ones before it is a variable.
  static constexpr std::size_t kOpeningsMax = 24;
  struct Column {
    std::array<Vocabulary::TokenId, kWordsMax> words{};
    std::size_t different = 0;  // at most kWordsMax + 1
    bool separator = false, identifiers = true, wild = false;
  };

  std::vector<Column> columns_of(const Shapes& shapes) const;
  static bool opens_statements(const Shapes& shapes);
  bool is_key(const std::vector<Column>& columns, std::size_t i) const;
  bool has_constant_word(const std::vector<Column>& columns) const;
  void branch(const Shapes& shapes, std::size_t position, const std::vector<bool>& variable, bool by_separator) const;
  static void name(const Shapes& shapes, const std::vector<Column>& columns, const std::vector<bool>& variable);

  const Vocabulary& words_;
};

}  // namespace swarm::log_templates

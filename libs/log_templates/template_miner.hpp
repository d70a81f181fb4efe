#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "libs/log_templates/log_tokens.hpp"

namespace swarm::log_templates {

/// Every different token once, with what matters about it.
class Vocabulary {
 public:
  using TokenId = std::uint32_t;
  static constexpr TokenId kWild = 0;  // stands for any token at a position that was found to vary
  Vocabulary();
  TokenId id(std::string_view token);
  std::optional<TokenId> find(std::string_view token) const;
  const std::string& text(TokenId id) const { return *texts_[id]; }
  bool word(TokenId id) const { return word_[id]; }
  bool identifier(TokenId id) const { return identifier_[id]; }
  bool separator(TokenId id) const { return !word_[id] && !is_log_value(text(id)); }
  std::size_t bytes() const { return bytes_; }

 private:
  TokenId add(std::string_view token, bool word, bool identifier);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, TokenId, Hash, std::equal_to<>> ids_;
  std::vector<const std::string*> texts_;  // keys of ids_, which stay where they are
  std::vector<bool> word_, identifier_;
  std::size_t bytes_ = 0;
};

/// One statement that printed lines of a log.
struct Template {
  std::string text;
  std::uint64_t lines = 0;
  std::uint64_t first_line = 0;  // counted from 0
  std::string sample;            // that line, shortened
};

/// A name for a template that is the same in every run: 16 hexadecimal digits of its text's hash.
std::string template_id(std::string_view text);

/// Mines templates from a log of any length. First what looks like a value is masked by its shape; then lines of one
/// shape are told apart or put together by how many different words stand at each position.
///
/// Exact while the different masked lines fit the limits: then the result depends on the set of lines and not on their
/// order. Beyond, what is known is put together on the way, the rarest of more than patterns_max templates count as
/// other_lines(), and memory stays flat. Counts always add up. Lines are cut at 256 tokens. Not thread-safe.
class TemplateMiner {
 public:
  struct Limits {
    std::size_t shapes_max = 20'000;
    std::size_t patterns_max = 2'000;      // that stay when shapes are put together
    std::size_t vocabulary_bytes_max = 8u << 20;
  };
  TemplateMiner() : TemplateMiner(Limits()) {}
  explicit TemplateMiner(Limits limits) : limits_(limits) {}

  void add(std::string_view line);

  /// The most frequent first. Ends the adding.
  std::vector<Template> finish();
  /// Index into what finish() gave, for a line that was added; nothing when it is among the others.
  std::optional<std::size_t> find(std::string_view line);

  std::uint64_t lines() const { return lines_; }
  std::uint64_t other_lines() const { return other_lines_; }
  /// True when the limits were reached, so that the order of lines may have mattered.
  bool condensed() const { return condensed_; }

 private:
  using TokenId = Vocabulary::TokenId;
  using Tokens = std::vector<TokenId>;
  struct Shape {
    Tokens tokens;
    std::uint64_t lines = 0;
    std::uint64_t first_line = 0;
    std::string sample;
    Tokens pattern;               // of the template it belongs to
    std::size_t result = 0;
  };
  struct TokensHash {
    std::size_t operator()(const Tokens& tokens) const;
  };

  bool read(std::string_view line, bool learn);
  std::optional<std::uint32_t> known() const;
  void split();
  void condense();
  void index();
  std::string text_of(const Tokens& pattern) const;

  const Limits limits_;
  LogTokens cutter_;
  Vocabulary words_;
  Tokens current_;
  std::vector<Shape> shapes_;
  std::unordered_map<Tokens, std::uint32_t, TokensHash> exact_;
  std::map<std::size_t, std::vector<std::uint32_t>> wild_;  // by length: patterns of a condensed past, narrow ones first
  std::uint64_t lines_ = 0, other_lines_ = 0;
  bool condensed_ = false;
};

}  // namespace swarm::log_templates

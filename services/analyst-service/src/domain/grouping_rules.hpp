#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace re2 {
class RE2;
}

namespace swarm::analyst::domain {

/// What an operator wants masked beyond the built-in masks: whatever the pattern matches in a cause line becomes `<*>`.
struct MaskRule {
  std::string name;
  std::string pattern;  // RE2
};

/// Failures of this scope whose cause line the pattern matches are one kind, whatever the built-in cause says.
struct FingerprintRule {
  std::string name;
  std::string stack, role, family;  // empty: any
  std::string pattern;              // RE2, found anywhere in the cause line
  std::string fingerprint;          // the kind's cause: text, \1 … \9 for groups, {{ default }} for the built-in cause
};

/// Masks and fingerprint rules of operators, compiled. They change where failures land from then on; what was counted
/// stays in its group. Filled once, then read by any number of threads.
class GroupingRules {
 public:
  static constexpr std::size_t kRulesMax = 100;     // of each sort
  static constexpr std::size_t kPatternMax = 500;   // bytes

  GroupingRules();
  ~GroupingRules();

  /// InvalidArgument: the pattern is no RE2, too long, matches the empty text, or needs too much memory.
  Result<void> add(const MaskRule& rule);
  /// The same, or the fingerprint names a group that the pattern does not have.
  Result<void> add(const FingerprintRule& rule);

  std::vector<const MaskRule*> all_masks() const;
  std::vector<const FingerprintRule*> all_fingerprints() const;
  bool empty() const { return masks_.empty() && fingerprints_.empty(); }

  /// Writes the line with what the masks match as `<*>` to `out`, and gives true, if one matched. Their names go to `used`.
  bool mask(std::string_view line, std::string& out, std::vector<std::string_view>& used) const;

  /// The first fingerprint rule that fits, with its text in `fingerprint`; null if none does.
  const FingerprintRule* find(std::string_view stack, std::string_view role, std::string_view family, std::string_view cause_line,
                              std::string_view built_in, std::string& fingerprint) const;

 private:
  template <class Rule>
  struct Compiled {
    Rule rule;
    std::unique_ptr<re2::RE2> pattern;
  };
  std::vector<Compiled<MaskRule>> masks_;
  std::vector<Compiled<FingerprintRule>> fingerprints_;
};

/// Compiles a pattern of an operator with bounded memory; InvalidArgument says what is wrong with it.
Result<std::unique_ptr<re2::RE2>> compile_pattern(std::string_view pattern, std::size_t bytes_max);

}  // namespace swarm::analyst::domain

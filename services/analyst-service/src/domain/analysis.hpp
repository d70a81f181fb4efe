#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/cause.hpp"
#include "domain/digest.hpp"
#include "domain/grouping_rules.hpp"
#include "domain/log_lines.hpp"
#include "domain/masking.hpp"

namespace swarm::analyst::domain {

/// One failure as it is reported.
struct FailureText {
  std::string_view role;
  std::string_view stack;
  std::string_view log;
};

/// What a log is about. Views live until the analyzer's next call.
struct Analysis {
  Family family = Family::General;
  Id kind;                 // role, stack and masked cause: counts towards the threshold
  Id place;                // the project's own frames, or the names in the cause: finds the same bug again
  std::string_view cause;  // masked
  std::string_view sample; // the cause line as it stood in the log
};

/// The pipeline from a log to its two keys: lines → tool family → cause line → masks → ids. The result depends on the
/// failure alone, never on what was analysed before: so groups are the same in any order and with any number of threads.
/// About a microsecond for a log of a dozen lines; no allocation once the buffers have grown. One object per thread.
/// Operators' rules come in at two steps: their masks before the built-in ones, their fingerprints at the end.
class Analyzer {
 public:
  explicit Analyzer(std::shared_ptr<const GroupingRules> rules = nullptr) : rules_(std::move(rules)) {}
  Analysis analyse(const FailureText& failure);

  /// The lines of the last log and what each was taken for.
  std::span<const std::string_view> lines() const { return lines_.lines(); }
  std::span<const Mark> marks() const { return marks_; }
  /// Which of the operators' rules the last analysis applied: "mask NAME", "fingerprint NAME".
  const std::vector<std::string>& applied() const { return applied_; }

 private:
  std::string_view masked(std::string_view line, std::string& buffer);
  void apply_fingerprint(const FailureText& failure, const Cause& cause, Analysis& result);

  std::shared_ptr<const GroupingRules> rules_;
  std::vector<std::string> applied_;
  std::string head_, detail_, root_, fingerprint_;
  LogLines lines_;
  std::vector<Mark> marks_;
  Masker masker_;
};

}  // namespace swarm::analyst::domain

#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "domain/cause.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kMessageLinesMax = 24;  // how far a message may stand from what announces it

/// One log with what each line is and where each kind of line stands first. A view; the pickers of causes read it.
class CauseReader {
 public:
  CauseReader(std::span<const std::string_view> lines, std::span<const Mark> marks) : lines_(lines), marks_(marks) {
    first_.fill(kNone);
    for (std::size_t i = lines.size(); i-- > 0;) first_[static_cast<std::size_t>(marks[i])] = i;
  }

  bool has(Mark m) const { return first(m) != kNone; }
  std::size_t first(Mark m) const { return first_[static_cast<std::size_t>(m)]; }
  std::size_t next(Mark m, std::size_t from) const {
    for (std::size_t i = from; i < lines_.size(); ++i)
      if (marks_[i] == m) return i;
    return kNone;
  }
  std::size_t next_filled(std::size_t from) const {
    for (std::size_t i = from; i < lines_.size(); ++i)
      if (marks_[i] != Mark::Blank) return i;
    return kNone;
  }
  Mark mark(std::size_t i) const { return i < marks_.size() ? marks_[i] : Mark::Blank; }
  std::string_view line(std::size_t i) const { return i < lines_.size() ? lines_[i] : std::string_view(); }
  std::size_t size() const { return lines_.size(); }

  Cause cause(Family family, std::size_t i, std::string_view head = {}) const {
    Cause found;
    found.family = family;
    found.line = i == kNone ? 0 : i;
    found.head = trim(head.data() == nullptr ? line(i) : head);
    return found;
  }

 private:
  std::span<const std::string_view> lines_;
  std::span<const Mark> marks_;
  std::array<std::size_t, static_cast<std::size_t>(Mark::Typed) + 1> first_;
};

inline std::string_view after(std::string_view line, std::string_view opening) {
  const std::size_t at = line.find(opening);
  return at == std::string_view::npos ? line : line.substr(at + opening.size());
}

/// The message behind the place that a line begins with.
inline std::string_view located_message(std::string_view line) {
  const std::size_t blank = line.find(' ');
  return blank == std::string_view::npos ? line : line.substr(blank + 1);
}

/// The line that heads a stack of frames, or the first that names a type of fault; kNone when there is none.
std::size_t node_head(const CauseReader& log);

/// `--- FAIL: TestLoad (0.00s)` and what stands below it.
Cause go_test_cause(const CauseReader& log);

/// What closes a run and only says that it failed: `make: *** [Makefile:12: test] Error 2`.
bool is_verdict(std::string_view line);

/// The line that says what is wrong, whatever tool printed it; nothing when none sounds like it.
std::optional<Cause> complaint(const CauseReader& log);

/// The complaint, or the last line that is more than an echo of the command.
Cause general_cause(const CauseReader& log);

/// The cause in what compilers, linkers, shells, git, build tools and tools that nobody knows print.
Cause tool_cause(const CauseReader& log);

}  // namespace swarm::analyst::domain

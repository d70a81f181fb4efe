#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::analyst::domain {

/// True when a log holds nothing but blanks and control characters: there is nothing in it to group by.
bool is_blank_log(std::string_view log);

/// The lines of one log without what the surroundings added: colours, carriage returns, time stamps before lines, a
/// common indentation, a label that each line begins with (`web-1  | `), and the runner's own lines (`exit status 1
/// after …`, `$ run …`). Empty lines stay.
///
/// Memory is bounded: of a longer log the first and the last kLinesMax / 2 lines are kept. The views point into the log
/// given last or into this object. No allocation once the buffers have grown. Not thread-safe.
class LogLines {
 public:
  static constexpr std::size_t kLinesMax = 4096;
  static constexpr std::size_t kCleanMax = 4u << 20;
  static constexpr std::size_t kOnePassMax = 1u << 20;

  void read(std::string_view log);
  std::span<const std::string_view> lines() const { return lines_; }

 private:
  bool split_plain(std::string_view log);
  std::string_view without_colours(std::string_view log);
  void append_clean(std::string_view part);
  void split(std::string_view log);
  void drop_labels();
  void drop_runner_lines();
  void dedent();

  std::string clean_;
  std::vector<std::string_view> lines_;
  std::vector<std::string_view> tail_;
  std::vector<bool> stamped_;
};

}  // namespace swarm::analyst::domain

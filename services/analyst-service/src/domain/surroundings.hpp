#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace swarm::analyst::domain {

/// What runners and harnesses put round a tool's output, told from one line. Pure, without allocation.

/// The line without a leading time stamp, with or without brackets; the line itself when there is none.
std::string_view without_stamp(std::string_view line);

/// The bytes that a line begins with which is the runner's or carries a stamp.
inline constexpr std::array<bool, 256> kSuspect = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("$H<eP[#`CSs(T0123456789")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

/// Whether a line can be the runner's or carry a stamp: most lines are told by their first byte.
inline bool is_suspect(std::string_view line) { return !line.empty() && kSuspect[static_cast<unsigned char>(line.front())]; }

/// `exit status 1 after …`, `$ run …`, a code fence: the runner's own line. Only of a suspect.
bool is_runner_line(std::string_view line);

/// The line without `stderr: ` and `##[error]` before it.
std::string_view without_channel(std::string_view line);

/// `web-1  | `, `[web] `: what a runner of several programs puts before each line. Its size, without the last blank; 0
/// when there is none.
std::size_t label_size(std::string_view line);

/// A frame below a stamped line: the stamp belongs to the tool's own message.
bool continues(std::string_view line);

/// `INFO cache warmed`, without its stamp: a log's line, by its level or by what it speaks of.
bool is_log_line(std::string_view line);

/// `ERROR [agent-7] task … failed`: the runner speaks of its own work.
bool names_a_run(std::string_view line);

}  // namespace swarm::analyst::domain

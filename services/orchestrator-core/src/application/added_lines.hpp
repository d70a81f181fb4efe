#pragma once

#include <string>
#include <string_view>

namespace swarm::orchestrator {

/// True if the text is a change in the unified format: it has a line "@@ … @@", or a pair of lines "--- …", "+++ …".
bool is_unified_diff(std::string_view text);

/// Of a change in the unified format, what it adds: its lines that begin with '+', without that sign. Comes piece by piece.
class AddedLines {
 public:
  std::string take(std::string_view bytes);

 private:
  enum class Line { Begins, Added, Other };
  Line line_ = Line::Begins;
  std::string head_;  // of a line that may yet be "+++ "
};

}  // namespace swarm::orchestrator

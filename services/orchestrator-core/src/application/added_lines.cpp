#include "application/added_lines.hpp"

#include <algorithm>

namespace swarm::orchestrator {
namespace {

constexpr std::string_view kNewName = "+++ ";

}  // namespace

bool is_unified_diff(std::string_view text) {
  bool old_name = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto line = text.substr(at, text.find('\n', at) - at);
    if (old_name && line.starts_with(kNewName)) return true;
    if (line.starts_with("@@ ") && line.find(" @@", 2) != std::string_view::npos) return true;
    old_name = line.starts_with("--- ");
    at += line.size() + 1;
  }
  return false;
}

std::string AddedLines::take(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (line_ == Line::Begins) {
      head_.push_back(c);
      const bool may_be_name = head_.size() <= kNewName.size() && kNewName.starts_with(head_);
      if (may_be_name && head_.size() < kNewName.size()) continue;
      const bool added = !may_be_name && head_.front() == '+';
      if (added) out += std::string_view(head_).substr(1);
      head_.clear();
      line_ = added ? Line::Added : Line::Other;
    } else if (line_ == Line::Added) {
      out.push_back(c);
    }
    if (c == '\n') line_ = Line::Begins;
  }
  return out;
}

}  // namespace swarm::orchestrator

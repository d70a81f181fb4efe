#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libs/async/guarded.hpp"

namespace swarm::orchestrator {

/// What went wrong lately in each stack and has become no rule yet: short quotes for the agents that work there. Soft
/// state, filled from the swarm's common knowledge. Thread-safe.
class LessonBook {
 public:
  void put(const std::string& stack, std::vector<std::string> lessons) {
    by_stack_.with([&](auto& book) { book.insert_or_assign(stack, std::move(lessons)); });
  }
  /// A section for an assignment's context; empty when there is nothing to say.
  std::string section(std::string_view stack) const {
    return by_stack_.with([&](const auto& book) {
      const auto it = book.find(stack);
      if (it == book.end() || it->second.empty()) return std::string();
      std::string out = "## Lessons of earlier failures in this stack (quoted)";
      for (const auto& lesson : it->second) out += "\n- " + lesson;
      return out;
    });
  }

 private:
  async::Guarded<std::map<std::string, std::vector<std::string>, std::less<>>> by_stack_;
};

}  // namespace swarm::orchestrator

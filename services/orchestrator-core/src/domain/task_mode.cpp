#include "domain/task_mode.hpp"

#include <algorithm>

namespace swarm::orchestrator {
namespace {

bool begins_with(std::string_view text, std::string_view mark) {
  return text.size() >= mark.size() && std::equal(mark.begin(), mark.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'a' && b <= 'z' ? static_cast<char>(b - 'a' + 'A') : b);
         });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

ModeOfText mode_of(std::string_view description) {
  const std::string_view text = trimmed(description);
  constexpr std::string_view kWarRoom = "[MODE:WAR_ROOM]";
  constexpr std::string_view kCouncil = "[MODE:COUNCIL]";
  if (begins_with(text, kWarRoom)) return {TaskMode::WarRoom, trimmed(text.substr(kWarRoom.size()))};
  if (begins_with(text, kCouncil)) return {TaskMode::Council, trimmed(text.substr(kCouncil.size()))};
  return {TaskMode::Plain, description};
}

std::vector<std::string> listed(std::string_view names) {
  std::vector<std::string> out;
  while (!names.empty()) {
    const auto comma = std::min(names.find(','), names.size());
    const auto name = trimmed(names.substr(0, comma));
    if (!name.empty() && std::find(out.begin(), out.end(), name) == out.end()) out.emplace_back(name);
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return out;
}

}  // namespace swarm::orchestrator

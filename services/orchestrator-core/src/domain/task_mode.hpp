#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace swarm::orchestrator {

/// How a task's text asks to be worked on, by a mark in front: "[MODE:WAR_ROOM]" or "[MODE:COUNCIL]".
enum class TaskMode { Plain, WarRoom, Council };

struct ModeOfText {
  TaskMode mode = TaskMode::Plain;
  std::string_view rest;  // the text without the mark
};

/// The mark may stand behind spaces, in any case. An unknown one is part of the text.
ModeOfText mode_of(std::string_view description);

/// "python, react" → python, react: what a war room fans out to, and the seats of a council. Without repeats, in order.
std::vector<std::string> listed(std::string_view names);

}  // namespace swarm::orchestrator

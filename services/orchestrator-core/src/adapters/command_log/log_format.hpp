#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/engine_limits.hpp"
#include "domain/golden_rules.hpp"
#include "domain/workflow.hpp"

namespace swarm::orchestrator::command_log {

inline constexpr std::string_view kMagic = "swarm orchestrator command log 2\n";

/// What an entry of the file is. After the magic comes Setup, then the start (Task …, Started), then the rest.
enum class EntryKind : std::uint8_t {
  Setup = 'S',
  Task = 'T',
  Started = 'B',
  Command = 'C',
  Tick = 'K',
  Fail = 'F',
  After = 'A',
  HandedOver = 'H',
  Committed = 'D',
  Digest = 'X',
  Ended = 'E',
};

/// How the engine was set up; without it nothing could be repeated.
struct Setup {
  EngineLimits limits;
  RuleLimits rules;
  std::vector<WorkflowState> workflow;
  std::size_t finished_kept = 0;
};
std::string encode(const Setup& setup);
std::optional<Setup> decode_setup(std::string_view bytes);

/// An entry with its length and check sum, ready to be appended.
void append_entry(std::string& out, EntryKind kind, std::string_view payload);

struct Entry {
  EntryKind kind = EntryKind::Ended;
  std::string_view payload;
};
/// Takes the next entry off the text. Nothing at its end, or where it is torn.
std::optional<Entry> next_entry(std::string_view& text);

}  // namespace swarm::orchestrator::command_log

#pragma once

#include <functional>
#include <string>
#include <vector>

namespace swarm::orchestrator {

/// Port: which stacks texts like these belonged to, from what the swarm knows in common. Thread-safe.
class StackSource {
 public:
  using Done = std::function<void(std::vector<std::string> stacks)>;  // as many as texts; empty: not known

  virtual ~StackSource() = default;
  /// False at once when nobody can be asked now; `done` is not called then. Otherwise `done` is called exactly once, on
  /// another thread, within about a second however many texts there are: those that there was no time for are not
  /// known. Never waits.
  virtual bool ask(std::vector<std::string> texts, Done done) = 0;
};

}  // namespace swarm::orchestrator

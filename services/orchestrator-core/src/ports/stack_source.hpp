#pragma once

#include <functional>
#include <string>

namespace swarm::orchestrator {

/// Port: which stack texts like this one belonged to, from what the swarm knows in common. Thread-safe.
class StackSource {
 public:
  using Done = std::function<void(std::string stack)>;  // empty: not known

  virtual ~StackSource() = default;
  /// False at once when nobody can be asked now; `done` is not called then. Otherwise `done` is called exactly once, on
  /// another thread, within about a second. Never waits.
  virtual bool ask(std::string text, Done done) = 0;
};

}  // namespace swarm::orchestrator

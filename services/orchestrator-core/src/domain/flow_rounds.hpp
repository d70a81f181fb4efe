#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.hpp"
#include "domain/task.hpp"
#include "domain/workflow.hpp"

namespace swarm::orchestrator {

/// Bounds the flows of callers that only ask "what comes after this state?" and keep no count of rounds themselves. Their
/// question names no flow, so one is recognised by who asks and by the state that it was told last: first among the
/// flows of the same connection; for a connection that has none, among those of its host, as some clients open a new
/// one for each call. Each flow may take a failure edge as often as a task may; then it ends.
///
/// Holds at most `kFlowsMax` flows and forgets those that stood still for `kForgetAfter`. Pure: not thread-safe.
class FlowRounds {
 public:
  static constexpr std::size_t kFlowsMax = 4'096;
  static constexpr std::chrono::hours kForgetAfter{1};

  /// One step of `caller` ("ipv4:127.0.0.1:40123") from `state`: the name of the next state, empty at the flow's end.
  std::string step(const WorkflowState& state, bool success, std::string_view caller, BootTime now);
  std::size_t size() const { return flows_.size(); }

 private:
  struct Flow {
    std::string caller;
    std::string state;
    std::vector<EdgeRounds> rounds;
    BootTime touched{};
  };
  std::list<Flow>::iterator flow_at(const std::string& state, std::string_view caller);
  static bool may_go_back(Flow& flow, const WorkflowState& state);
  void forget(BootTime now);

  std::list<Flow> flows_;  // the one touched last is last
};

}  // namespace swarm::orchestrator

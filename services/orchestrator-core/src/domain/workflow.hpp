#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::orchestrator {

/// One step of a workflow, as configured.
struct WorkflowState {
  std::string name;
  std::string handler;       // the role that does it
  std::string on_success;    // next state; empty: the workflow ends
  std::string on_failure;    // state to go back to; empty or itself: try again here
  bool approval = false;     // a success waits for a person before it moves on
  int rounds_max = 5;        // how often on_failure may be taken
};

/// States, handlers and edges that a task moves through. A value: built once at load, then only read.
class Workflow {
 public:
  /// RequirementsDefinition → SystemDesign (approval) → FeatureImplementation → CodeReview → Deployment.
  static Workflow standard();
  static std::vector<std::string> standard_handlers();

  Workflow() = default;
  explicit Workflow(std::vector<WorkflowState> states);

  /// Every fault found: unknown handlers and targets, states that can't be reached from the first, success edges that
  /// form a loop (only failure edges are bounded by rounds). Empty: sound.
  std::vector<std::string> faults(const std::vector<std::string>& handlers) const;

  /// Null when there is no such state.
  const WorkflowState* find(std::string_view name) const;
  const std::vector<WorkflowState>& states() const { return states_; }
  /// True when a task that starts at `from` can pass `to` by success edges.
  bool leads_to(std::string_view from, std::string_view to) const;

 private:
  std::vector<WorkflowState> states_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

}  // namespace swarm::orchestrator

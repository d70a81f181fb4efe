#include "domain/workflow.hpp"

#include <algorithm>
#include <set>

namespace swarm::orchestrator {

Workflow Workflow::standard() {
  return Workflow({
      {"RequirementsDefinition", "ProductManager", "SystemDesign", "", false, 5},
      {"SystemDesign", "Architect", "FeatureImplementation", "RequirementsDefinition", true, 5},
      {"FeatureImplementation", "Coder", "CodeReview", "", false, 5},
      {"CodeReview", "Reviewer", "Deployment", "FeatureImplementation", false, 5},
      {"Deployment", "Deployer", "", "FeatureImplementation", false, 5},
  });
}

std::vector<std::string> Workflow::standard_handlers() {
  return {"ProductManager", "Architect", "Coder", "Reviewer", "Deployer"};
}

Workflow::Workflow(std::vector<WorkflowState> states) : states_(std::move(states)) {
  for (std::size_t i = 0; i < states_.size(); ++i) by_name_.emplace(states_[i].name, i);
}

const WorkflowState* Workflow::find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &states_[it->second];
}

bool Workflow::leads_to(std::string_view from, std::string_view to) const {
  const WorkflowState* state = find(from);
  for (std::size_t steps = 0; state != nullptr && steps <= states_.size(); ++steps) {
    if (state->name == to) return true;
    state = find(state->on_success);
  }
  return false;
}

std::vector<std::string> Workflow::faults(const std::vector<std::string>& handlers) const {
  std::vector<std::string> out;
  if (by_name_.size() != states_.size()) out.emplace_back("two states have the same name");
  for (const auto& state : states_) {
    if (state.name.empty()) out.emplace_back("a state has no name");
    if (std::find(handlers.begin(), handlers.end(), state.handler) == handlers.end()) {
      out.push_back("state " + state.name + ": unknown handler '" + state.handler + "'");
    }
    for (const auto* target : {&state.on_success, &state.on_failure}) {
      if (!target->empty() && find(*target) == nullptr) {
        out.push_back("state " + state.name + ": unknown target '" + *target + "'");
      }
    }
    const WorkflowState* next = find(state.on_success);
    if (next != nullptr && leads_to(next->name, state.name)) {
      out.push_back("state " + state.name + ": its success edges form a loop");
    }
  }
  if (!out.empty() || states_.empty()) return out;

  std::set<std::string_view> reached;
  std::vector<const WorkflowState*> open{&states_.front()};
  while (!open.empty()) {
    const WorkflowState* state = open.back();
    open.pop_back();
    if (state == nullptr || !reached.insert(state->name).second) continue;
    open.push_back(find(state->on_success));
    open.push_back(find(state->on_failure));
  }
  for (const auto& state : states_) {
    if (!reached.contains(state.name)) out.push_back("state " + state.name + ": can't be reached");
  }
  return out;
}

}  // namespace swarm::orchestrator

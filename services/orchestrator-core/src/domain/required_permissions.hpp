#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.hpp"

namespace swarm::orchestrator {

/// Permissions that tasks require beyond what they say themselves: those of one task, and those of all tasks in a workflow
/// state ("Deployment", also written "DeploymentTask").
class RequiredPermissions {
 public:
  /// A task's id, the name of a state, or "*" for every task → permissions.
  using BySubject = std::map<std::string, std::vector<std::string>>;

  RequiredPermissions() = default;
  explicit RequiredPermissions(const BySubject& all);

  /// What makes the same again.
  BySubject all() const;
  bool empty() const { return of_tasks_.empty() && of_states_.empty(); }
  /// What the task said and what is required beyond; normalised.
  std::vector<std::string> with(std::vector<std::string> own, TaskId task, std::string_view state) const;

  friend bool operator==(const RequiredPermissions&, const RequiredPermissions&) = default;

 private:
  std::map<TaskId, std::vector<std::string>> of_tasks_;
  std::map<std::string, std::vector<std::string>, std::less<>> of_states_;
};

}  // namespace swarm::orchestrator

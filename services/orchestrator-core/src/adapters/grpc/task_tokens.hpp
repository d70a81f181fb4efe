#pragma once

#include <chrono>
#include <string>

#include "domain/task.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "libs/base/secret.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator::grpc_api {

struct TaskTokenOptions {
  Secret key;                                    // empty: there are no tokens
  std::chrono::milliseconds lifetime{std::chrono::hours(24)};
  bool parents_need_one = false;                 // nobody names a parent without its token
};

/// The capability that goes out with an assignment, and comes back with what its agent submits in the task's name.
/// Thread-safe.
class TaskTokens {
 public:
  TaskTokens(TaskTokenOptions options, const TaskStore& store, const Clock& clock)
      : options_(std::move(options)), store_(store), clock_(clock) {}

  /// Empty when there is no key.
  std::string sign(const TaskSpec& task) const;
  /// May this task be submitted as a child of the one that it names? With a token it may require no more than the token
  /// and the parent allow. PermissionDenied.
  Result<void> check_child(const TaskSpec& child, const std::string& token) const;

 private:
  const TaskTokenOptions options_;
  const TaskStore& store_;
  const Clock& clock_;
};

}  // namespace swarm::orchestrator::grpc_api

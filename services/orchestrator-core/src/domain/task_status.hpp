#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace swarm::orchestrator {

/// Where a task is in its life. The numbers are stored and equal the protocol's.
enum class TaskStatus : std::uint8_t {
  Blocked = 1,
  Queued = 2,
  Leased = 3,
  Running = 4,
  Succeeded = 5,
  Failed = 6,  // between an attempt's failure and its retry
  Cancelled = 7,
  Dead = 8,
};
inline constexpr std::array kAllStatuses{TaskStatus::Blocked,   TaskStatus::Queued, TaskStatus::Leased,
                                         TaskStatus::Running,   TaskStatus::Succeeded, TaskStatus::Failed,
                                         TaskStatus::Cancelled, TaskStatus::Dead};

/// What a blocked task waits for. Stored.
enum class Blocked : std::uint8_t { No = 0, Dependency, Approval, Permission, Budget, Halt, Delay, Concurrency };

/// How an attempt failed, as the agent classified it. Stored.
enum class FailureClass : std::uint8_t {
  AgentError = 0,   // the work was wrong: retry with feedback
  Transient,        // the surroundings failed: retry with back-off
  PolicyDenied,     // must not be tried again
  BudgetExhausted,  // this one and the two below park the task and use up no attempt
  Cancelled,
  Halted,
};

constexpr bool is_final(TaskStatus s) {
  return s == TaskStatus::Succeeded || s == TaskStatus::Cancelled || s == TaskStatus::Dead;
}
constexpr bool has_lease(TaskStatus s) { return s == TaskStatus::Leased || s == TaskStatus::Running; }
constexpr bool parks(FailureClass c) { return c >= FailureClass::BudgetExhausted; }

/// The transition table: every move between different statuses that may ever happen.
bool may_move(TaskStatus from, TaskStatus to);

std::string_view name(TaskStatus status);
std::string_view name(Blocked reason);
std::string_view name(FailureClass failure);

}  // namespace swarm::orchestrator

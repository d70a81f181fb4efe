#include "domain/task_status.hpp"

namespace swarm::orchestrator {
namespace {

constexpr unsigned bit(TaskStatus s) { return 1u << static_cast<unsigned>(s); }

template <class... S>
constexpr unsigned any_of(S... s) {
  return (bit(s) | ...);
}

constexpr unsigned targets(TaskStatus from) {
  using enum TaskStatus;
  switch (from) {
    // Succeeded: the approval of the last state. Dead: a rejection that used up the last round.
    case Blocked: return any_of(Queued, Succeeded, Cancelled, Dead);
    // Blocked: it was about to be given to an agent, but its budget is dry.
    // Dead: nobody took it in time.
    case Queued: return any_of(Leased, TaskStatus::Blocked, Cancelled, Dead);
    // A result is a sign of life too, so an attempt may end without having been seen running.
    case Leased: return any_of(Running, Queued, TaskStatus::Blocked, Succeeded, Failed, Cancelled);
    case Running: return any_of(Queued, TaskStatus::Blocked, Succeeded, Failed, Cancelled);
    case Failed: return any_of(Queued, Dead, Cancelled);
    case Succeeded:
    case Cancelled:
    case Dead: return 0;
  }
  return 0;
}

}  // namespace

bool may_move(TaskStatus from, TaskStatus to) { return (targets(from) & bit(to)) != 0; }

std::string_view name(TaskStatus status) {
  switch (status) {
    case TaskStatus::Blocked: return "BLOCKED";
    case TaskStatus::Queued: return "QUEUED";
    case TaskStatus::Leased: return "LEASED";
    case TaskStatus::Running: return "RUNNING";
    case TaskStatus::Succeeded: return "SUCCEEDED";
    case TaskStatus::Failed: return "FAILED";
    case TaskStatus::Cancelled: return "CANCELLED";
    case TaskStatus::Dead: return "DEAD";
  }
  return "UNKNOWN";
}

std::string_view name(Blocked reason) {
  switch (reason) {
    case Blocked::No: return "";
    case Blocked::Dependency: return "dependency";
    case Blocked::Approval: return "approval";
    case Blocked::Permission: return "permission";
    case Blocked::Budget: return "budget";
    case Blocked::Halt: return "halt";
    case Blocked::Delay: return "delay";
    case Blocked::Concurrency: return "concurrency";
  }
  return "";
}

std::string_view name(FailureClass failure) {
  switch (failure) {
    case FailureClass::AgentError: return "agent_error";
    case FailureClass::Transient: return "transient";
    case FailureClass::PolicyDenied: return "policy_denied";
    case FailureClass::BudgetExhausted: return "budget_exhausted";
    case FailureClass::Cancelled: return "cancelled";
    case FailureClass::Halted: return "halted";
  }
  return "";
}

}  // namespace swarm::orchestrator

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "domain/budgets.hpp"
#include "domain/golden_rules.hpp"
#include "domain/holds.hpp"
#include "domain/required_permissions.hpp"
#include "domain/requirements.hpp"
#include "domain/schedule_book.hpp"
#include "domain/task.hpp"

namespace swarm::orchestrator {

/// Names the caller of a command to whoever answers it; the engine only hands it back. 0: nobody waits.
using CallId = std::uint64_t;

/// One moment on both clocks.
struct Now {
  BootTime boot{};
  WallTime wall{};
};

struct RegisterAgent {
  CallId call = 0;
  AgentProfile agent;
};
struct PollTask {
  CallId call = 0;
  std::string agent;
  BootTime until{};  // then the poll is answered with nothing
};
/// The poll's client went away.
struct AbandonPoll {
  CallId call = 0;
};
/// An agent's stream; `link` names it in this and the next three.
struct JoinStream {
  CallId link = 0;
  AgentProfile agent;
};
struct GrantCredit {
  CallId link = 0;
  int credit = 0;
};
struct LeaveStream {
  CallId link = 0;
};

struct ResultReport {
  TaskId task;
  std::optional<LeaseToken> token;  // nothing: a client that knows no tokens
  bool success = false;
  FailureClass failure = FailureClass::AgentError;
  std::uint64_t digest = 0;         // of everything that was reported
  std::shared_ptr<const ResultTexts> texts;
  std::vector<ArtifactRef> artifacts;  // that belong to it
  std::string remark;               // what stands against it, for the history
};
struct ReportResults {
  CallId call = 0;
  CallId link = 0;  // not 0: came over this stream, which proves that the agent hears
  std::vector<ResultReport> results;
};

/// A file is on the disk: from now on it is the attempt's. Its attempt, agent and time are set by the engine.
struct AttachArtifact {
  CallId call = 0;
  TaskId task;
  LeaseToken token;
  Artifact artifact;
};

struct LeaseSign {
  TaskId task;
  LeaseToken token;
  std::string progress;
};
struct Heartbeat {
  CallId call = 0;
  CallId link = 0;
  std::string agent;
  std::vector<LeaseSign> leases;
};

/// A task to be made. `spec.number`, `created` and, if empty, `id` are set by the engine.
struct Submission {
  TaskSpec spec;
  bool implied = false;  // made of another one of the same request (see expand()); the answer does not name it
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds deadline{0};
  std::shared_ptr<const InputTexts> texts;
};
struct SubmitTasks {
  CallId call = 0;
  std::vector<Submission> tasks;
};
struct CancelTask {
  CallId call = 0;
  TaskId task;
  std::string reason;
  std::chrono::milliseconds grace{0};  // for its agent, to end it by itself
};
/// Drops finished tasks with all that is kept of them. Those that can't be dropped stay; if only one is named, the
/// answer says why.
struct DeleteTasks {
  CallId call = 0;
  std::vector<TaskId> tasks;
};
struct ApproveTask {
  CallId call = 0;
  TaskId task;
  bool approve = true;
  std::string comment;
  std::string by;
};

/// The kill switch.
struct DispatchState {
  bool halted = false;
  std::string reason;
  std::string by;
  WallTime since{};
};
struct SetDispatch {
  CallId call = 0;
  DispatchState state;
};
struct GetDispatch {
  CallId call = 0;
};
struct ListAgents {
  CallId call = 0;
};
/// Holds work back from an agent, or of a role, stack or tenant; or lets it go again.
struct SetHold {
  CallId call = 0;
  Hold hold;
  bool held = true;
};
struct ListHolds {
  CallId call = 0;
};

/// Makes a schedule, or replaces the one of that name. Its counts stay, as long as it is the same time table.
struct PutSchedule {
  CallId call = 0;
  ScheduleEntry entry;
};
struct PauseSchedule {
  CallId call = 0;
  std::string name;
  bool paused = true;
  std::string note;
};
struct DeleteSchedule {
  CallId call = 0;
  std::string name;
};
struct ListSchedules {
  CallId call = 0;
  std::string name;  // empty: all
};
/// Soft facts of a task, which no record holds: its lease, or why nobody has it.
struct InspectTask {
  CallId call = 0;
  TaskId task;
};

/// Why nobody has the task, or who has it and why.
struct ExplainTask {
  CallId call = 0;
  TaskId task;
};

/// What an agent is permitted from now on, whatever it said when it joined.
struct PutPermissions {
  std::string agent;
  std::vector<std::string> permissions;  // normalised
};

/// All that tasks require beyond what they say themselves.
struct PutRequired {
  RequiredPermissions required;
};

struct PutRules {
  std::vector<GoldenRule> rules;
};
/// What the gateway says of budgets. `snapshot`: all that it says; what is not in it is not dry.
struct PutBudgets {
  bool snapshot = false;
  std::vector<BudgetNews> news;
};
/// An assignment that could not go out (halted in between): its lease is taken back uncounted.
struct Undeliver {
  TaskId task;
  LeaseToken token;
};
/// Outcomes up to this one have reached the analyst.
struct OutcomesDelivered {
  std::uint64_t up_to = 0;
};
/// Parked polls end, new ones are refused.
struct BeginDrain {};
/// Time has passed.
struct Tick {};

using Command = std::variant<RegisterAgent, PollTask, AbandonPoll, JoinStream, GrantCredit, LeaveStream, ReportResults, AttachArtifact,
                             Heartbeat, SubmitTasks, CancelTask, DeleteTasks, ApproveTask, SetDispatch, GetDispatch, ListAgents, InspectTask, ExplainTask,
                             SetHold, ListHolds, PutSchedule, PauseSchedule, DeleteSchedule, ListSchedules,
                             PutRules, PutPermissions, PutRequired, PutBudgets, Undeliver, OutcomesDelivered, BeginDrain, Tick>;

}  // namespace swarm::orchestrator

#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "domain/command.hpp"
#include "domain/task.hpp"
#include "domain/told_change.hpp"
#include "libs/base/error.hpp"

namespace swarm::orchestrator {

// What the engine wants done. Nothing of it happens before the changes of the same batch are durable.

struct Registered {
  std::string name;
};
/// A lease goes out to its agent.
struct Assigned {
  StoredTask task;
  LeaseToken token;
  int attempt = 0;
  std::vector<std::string> constraints;
  std::vector<std::string> rule_ids;
  bool repeated = false;
};
/// The poll's time is over.
struct NothingToDo {
  bool drain = false;  // and nothing will come: finish and go
};
struct ResultAnswer {
  TaskId task;
  int attempt = 0;
  bool accepted = false;
  std::string message;
  TaskStatus status_after = TaskStatus::Queued;
  std::optional<Error> error;  // refused
};
struct ResultsAnswered {
  std::vector<ResultAnswer> answers;
};
struct HeartbeatAnswered {
  std::vector<TaskId> lost;
  std::vector<TaskId> cancelled;
  bool drain = false;
};
struct SubmittedTask {
  TaskId id;
  bool created = true;
};
struct Submitted {
  std::vector<SubmittedTask> tasks;
};
/// The task after a cancellation or approval.
struct TaskAnswered {
  StoredTask task;
};
struct DispatchAnswered {
  DispatchState state;
};
struct AgentView {
  AgentProfile profile;
  std::vector<TaskId> held;
  std::chrono::nanoseconds last_seen_ago{0};
  bool waiting = false;
  bool drained = false;
};
struct AgentsListed {
  std::vector<AgentView> agents;
};
struct TasksDeleted {
  std::vector<TaskId> tasks;
};
struct HoldsListed {
  std::vector<Hold> holds;
};
struct ScheduleView {
  Schedule schedule;
  std::vector<WallTime> upcoming;
};
struct SchedulesListed {
  std::vector<ScheduleView> schedules;
};
struct TaskInspected {
  bool held = false;
  std::chrono::nanoseconds expires_in{0};
  std::string progress;
  std::string waits_for;  // of a queued task: what stands between it and an agent
};

struct ArtifactAttached {
  Artifact artifact;
};

/// One thing that stands between a task and an agent.
struct Obstacle {
  std::string kind;    // finished, leased, dependency, approval, budget, concurrency, delay, retry, halt, drain, no_agent, paused, busy, or a
                       // requirement that no agent meets: role, stack, capability, permission, tenant
  std::string detail;
  std::size_t agents = 0;                   // that it keeps away
  std::chrono::nanoseconds clears_in{0};    // by itself; 0: not known
};
struct AgentVerdict {
  std::string agent;
  std::string kind;    // the first thing that keeps it away; empty: it may have the task
  std::string detail;
  bool waiting = false;
  std::size_t held = 0;
};
struct TaskExplained {
  StoredTask task;
  std::string summary;
  std::vector<Obstacle> obstacles;
  std::vector<AgentVerdict> agents;         // those that fit first, bounded
  std::size_t agents_total = 0;
  std::size_t tasks_ahead = 0;              // in its queue, counted up to a bound
};

using Reply = std::variant<Error, Registered, Assigned, NothingToDo, ResultsAnswered, HeartbeatAnswered, Submitted,
                           TaskAnswered, DispatchAnswered, AgentsListed, TaskInspected, TaskExplained, TasksDeleted, HoldsListed, SchedulesListed, ArtifactAttached>;

struct Answer {
  CallId call = 0;
  Reply reply;
};

/// A task changed; payloads are shared and never change.
struct TaskChanged {
  StoredTask task;
  TaskStatus from = TaskStatus::Queued;
  bool created = false;
};

/// How an attempt ended, for the analyst's measurement of rules.
struct Outcome {
  std::uint64_t sequence = 0;
  TaskId task;
  int attempt = 0;
  std::string stack;
  std::string role;
  std::vector<std::string> rules_given;
  std::vector<std::string> rules_held_out;
  bool success = false;
  WallTime at{};
};

enum class TextKind : std::uint8_t { Input = 1, Artifact = 2, Error = 3 };

/// What becomes durable together.
struct Changes {
  struct TaskWrite {
    StoredTask task;
    bool is_new = false;
  };
  struct InputWrite {
    TaskNumber number;
    std::shared_ptr<const InputTexts> texts;
  };
  struct ResultWrite {
    TaskNumber number;
    std::shared_ptr<const ResultTexts> texts;
    bool artifact = false;  // else the error message
  };
  struct FeedbackWrite {
    TaskNumber number;
    std::uint32_t index;
    Feedback entry;
  };
  struct HistoryWrite {
    TaskNumber number;
    std::uint32_t index;
    Transition entry;
  };
  /// With everything that is kept of the task. Comes before the writes, which may bring its id and key back.
  struct TaskErasure {
    TaskNumber number;
    TaskId id;
    KeyHash key;
  };
  /// A task refers to a file from now on, or no longer.
  struct FileWrite {
    TaskNumber number;
    std::string sha256;
    bool held = true;
  };
  struct HoldWrite {
    Hold hold;
    bool held = true;
  };
  std::vector<TaskWrite> tasks;
  std::vector<TaskErasure> erased;  // after all of the other changes
  std::vector<FileWrite> files;     // with the tasks that they belong to
  std::vector<HoldWrite> holds;
  std::vector<Schedule> schedules;
  std::vector<std::string> schedules_erased;  // before those that are written
  std::vector<InputWrite> inputs;
  std::vector<ResultWrite> results;
  std::vector<FeedbackWrite> feedback;
  std::vector<HistoryWrite> history;
  std::vector<GoldenRule> rules;
  std::vector<Outcome> outcomes;
  std::uint64_t outcomes_erased_to = 0;
  std::optional<DispatchState> dispatch;
  std::vector<ToldChange> told;     // what happened, for the common knowledge; with the changes that it tells of

  bool empty() const {
    return tasks.empty() && erased.empty() && rules.empty() && outcomes.empty() && outcomes_erased_to == 0 && !dispatch && !has_settings();
  }
  /// Of what recover_settings() brings back.
  bool has_settings() const { return !holds.empty() || !schedules.empty() || !schedules_erased.empty(); }
};

/// Everything that one run of the engine produced.
struct Batch {
  Changes changes;
  std::vector<Answer> answers;
  std::vector<TaskChanged> events;
  std::size_t rules_active = 0;  // as of the end of the batch
  std::uint64_t rules_version = 0;
};

}  // namespace swarm::orchestrator

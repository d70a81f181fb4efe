#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "domain/artifact.hpp"
#include "domain/ids.hpp"
#include "domain/task_status.hpp"

namespace swarm::orchestrator {

/// Creation order of tasks in one store; the key of their records and of stable pages.
using TaskNumber = std::uint64_t;

/// What few tasks ask for; zero: the server's default, or none.
struct TaskTerms {
  std::int64_t budget_nanos = 0;  // what model calls may cost over the task's life, in 1e-9 US dollars
  std::chrono::milliseconds schedule_to_start{0};  // in the queue, each time; then it is dead
  std::chrono::milliseconds start_to_close{0};     // one attempt, whatever its agent says; then it has failed
  std::chrono::milliseconds heartbeat{0};          // between two signs of its agent
  std::string concurrency_key;                     // of its tenant; at most so many with it are in work at a time
  int concurrency_max = 0;

  friend bool operator==(const TaskTerms&, const TaskTerms&) = default;
};

/// What was asked for. Written once, never changed, shared by everyone who looks at the task.
struct TaskSpec {
  TaskId id;
  TaskNumber number = 0;
  TaskId parent;
  std::string stack;
  bool stack_is_guess = false;  // classified from the text: it scopes rules, but keeps no agent out
  std::string role;             // of a plain task; a workflow state names its own
  std::string first_state;      // empty: a plain task
  std::string until_state;
  std::string tenant;
  std::vector<std::string> capabilities;
  std::vector<std::string> permissions;
  std::vector<TaskId> depends_on;
  std::map<std::string, std::string> labels;
  int priority = 0;
  int max_attempts = 1;  // per workflow state
  bool requires_approval = false;
  WallTime created{};
  WallTime not_before{};  // zero: at once
  WallTime deadline{};    // zero: none
  KeyHash key;            // empty: no idempotency key
  std::uint64_t content_digest = 0;
  std::shared_ptr<const TaskTerms> terms;  // null: nothing special
};

/// Who holds the task, or held it last.
struct Lease {
  std::string agent;
  LeaseToken token;
  std::vector<std::string> rules_given;
  std::vector<std::string> rules_held_out;
};

/// The answer that a reported attempt got, so that a repeat gets it again.
struct AcceptedResult {
  LeaseToken token;
  std::uint64_t digest = 0;
  TaskStatus status_after = TaskStatus::Succeeded;
};

/// How often a failure edge was taken.
struct EdgeRounds {
  std::string from;
  std::string to;
  int taken = 0;
};

/// Somebody wants the task to end, and gave its agent time to end it by itself.
struct CancelWish {
  WallTime by{};
  std::string reason;
};

/// What changes in a task's life. Small, copied whole into each event and record.
struct TaskState {
  TaskStatus status = TaskStatus::Queued;
  Blocked blocked = Blocked::No;
  bool approved = false;        // the gate in front of the task
  std::string workflow_state;
  std::string role;
  std::string reason;           // why it is in this status, one line
  int attempts_counted = 0;     // over the whole life; the current attempt's number is one more while leased
  int attempt = 0;              // number of the current or last attempt
  int attempts_in_state = 0;
  std::uint32_t leases_granted = 0;
  Lease lease;
  std::vector<AcceptedResult> results;  // newest last, bounded
  std::vector<EdgeRounds> rounds;
  std::shared_ptr<const CancelWish> cancel;  // null: nobody wants it to end
  std::shared_ptr<const Artifacts> artifacts;  // null: none
  std::uint32_t feedback_count = 0;     // entries ever written; the newest few are kept
  std::uint32_t history_count = 0;
  WallTime updated{};
  WallTime not_before{};        // of a delay or retry
  std::uint64_t version = 0;
};

/// A task as the store keeps it.
struct StoredTask {
  std::shared_ptr<const TaskSpec> spec;
  std::shared_ptr<const TaskState> state;
};

/// Texts of a submission; outside the hot records.
struct InputTexts {
  std::string description;
  std::string context;
  std::vector<std::string> constraints = {};  // of this task alone, beside the golden rules
};

/// Texts of a result.
struct ResultTexts {
  std::string artifact;
  std::string error_message;
};

/// How an earlier attempt or review ended, for whoever works on the task next.
struct Feedback {
  int attempt = 0;
  std::string role;
  std::string status;
  std::string text;
};

/// Where a task comes from when it is submitted.
inline constexpr TaskStatus kNotYet{};

/// One line of a task's history.
struct Transition {
  WallTime at{};
  TaskStatus from = kNotYet;
  TaskStatus to = TaskStatus::Queued;
  int attempt = 0;
  std::string actor;
  std::string reason;
  std::string workflow_state;
};

}  // namespace swarm::orchestrator

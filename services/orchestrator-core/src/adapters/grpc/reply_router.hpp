#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "adapters/grpc/task_tokens.hpp"
#include "application/assignment_texts.hpp"
#include "application/lesson_book.hpp"
#include "libs/rpc/pending_calls.hpp"
#include "ports/replies.hpp"
#include "ports/task_store.hpp"
#include "protos/orchestrator.pb.h"

namespace swarm::orchestrator::grpc_api {

/// Which table a call id belongs to; its upper byte.
enum class CallKind : std::uint8_t {
  Register = 1,
  Poll,
  Result,
  Heartbeat,
  SubmitOne,
  SubmitMany,
  Task,
  Inspect,
  Dispatch,
  Agents,
  Link,
  Explain,
  Redrive,
  Delete,
  Hold,
  Holds,
  Schedule,
  Schedules,
};

inline CallId call_id(CallKind kind, std::uint64_t id) { return (static_cast<CallId>(kind) << 56) | id; }

/// A stream that gets answers. Shared by the router and the stream's reactor; each method may come at any time, also
/// after the stream's end, and must not block.
class Link {
 public:
  virtual ~Link() = default;
  virtual void answer(CallId call, Reply&& reply) = 0;
  virtual void flush() = 0;
  /// The server is shutting down: tell the client to finish and to come back elsewhere.
  virtual void drain() = 0;
  /// End the stream with this status now.
  virtual void end(const Error& error) = 0;
};

struct RouterOptions {
  std::chrono::milliseconds lease{30'000};
  std::chrono::milliseconds heartbeat{2'000};
  ContextLimits context;
  const LessonBook* lessons = nullptr;  // nullptr: none
  const TaskTokens* tokens = nullptr;   // nullptr: none
};

/// Brings committed answers to the calls that wait for them. answer() and flush() belong to the committing thread; the
/// tables are thread-safe.
class ReplyRouter final : public Replies {
 public:
  ReplyRouter(const TaskStore& store, RouterOptions options) : store_(store), options_(options) {}

  void answer(CallId call, Reply&& reply) override;
  void flush() override;

  std::uint64_t add_link(std::shared_ptr<Link> link);
  void remove_link(std::uint64_t id);
  std::size_t links() const;
  std::size_t open_calls() const;
  void drain_links();
  void end_links(const Error& error);
  /// Ends every parked unary call.
  void fail_calls(const Error& error);

  void fill_registered(::orchestrator::RegisterResponse& out, const Registered& registered) const;
  /// Fills in the texts too; an error when the store can't give them.
  Result<void> fill_assignment(::orchestrator::TaskAssignment& out, const Assigned& assigned) const;

  rpc::PendingCalls<::orchestrator::RegisterResponse> registers;
  rpc::PendingCalls<::orchestrator::TaskAssignment> polls;
  rpc::PendingCalls<::orchestrator::Ack> results;
  rpc::PendingCalls<::orchestrator::HeartbeatResponse> heartbeats;
  rpc::PendingCalls<::orchestrator::SubmitTaskResponse> submits;
  rpc::PendingCalls<::orchestrator::SubmitTasksResponse> bulk_submits;
  rpc::PendingCalls<::orchestrator::Task> tasks;
  rpc::PendingCalls<::orchestrator::Task> inspections;
  rpc::PendingCalls<::orchestrator::DispatchState> dispatches;
  rpc::PendingCalls<::orchestrator::ListAgentsResponse> agents;
  rpc::PendingCalls<::orchestrator::TaskExplanation> explanations;
  rpc::PendingCalls<::orchestrator::RedriveResponse> redrives;
  rpc::PendingCalls<::orchestrator::DeleteTaskResponse> deletions;
  rpc::PendingCalls<::orchestrator::Hold> hold_changes;
  rpc::PendingCalls<::orchestrator::ListHoldsResponse> holds;
  rpc::PendingCalls<::orchestrator::Schedule> schedule_changes;
  rpc::PendingCalls<::orchestrator::ListSchedulesResponse> schedules;

 private:
  void answer_unary(CallKind kind, std::uint64_t id, Reply&& reply);
  void answer_about_task(CallKind kind, std::uint64_t id, Reply&& reply);
  void answer_about_settings(CallKind kind, std::uint64_t id, Reply&& reply);
  void fail(CallKind kind, std::uint64_t id, const Error& error);
  std::vector<std::shared_ptr<Link>> all_links() const;

  const TaskStore& store_;
  RouterOptions options_;
  mutable std::mutex mutex_;  // guards the links
  std::map<std::uint64_t, std::shared_ptr<Link>> links_;
  std::uint64_t last_link_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Link>> answered_;  // since the last flush; committing thread only
};

}  // namespace swarm::orchestrator::grpc_api

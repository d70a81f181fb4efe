#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain/agents.hpp"
#include "domain/effect.hpp"
#include "domain/engine_books.hpp"
#include "domain/engine_limits.hpp"
#include "domain/ready_queues.hpp"
#include "domain/task_entry.hpp"
#include "domain/workflow.hpp"

namespace swarm::orchestrator {

/// The deterministic core: a state machine of tasks, leases and agents. apply() and tick() take time and randomness as
/// arguments, do no I/O, and put what must become durable and who is answered into a Batch; nothing of a batch may be
/// seen outside before its changes are durable. The same commands, times and random numbers give the same batches.
/// Owned by one thread.
///
/// Finished tasks leave the memory after a while. Before apply(), the owner asks missing() and restores what the store
/// knows of it, so that old ids and idempotency keys still count.
class TaskEngine {
 public:
  TaskEngine(EngineLimits limits, RuleLimits rules, Workflow workflow);
  ~TaskEngine();

  /// Takes a task as the store has it: at recovery, for missing(), and to undo a batch that could not be committed
  /// (after forget()). A live lease gets its full time again.
  void restore(StoredTask task, Now now);
  void restore_rule(GoldenRule rule);
  void restore_dispatch(DispatchState state);
  void restore_outcomes(std::uint64_t first, std::uint64_t last);
  void restore_next_number(TaskNumber next);
  void restore_hold(Hold hold);
  void restore_schedule(ScheduleEntry entry);
  /// Holds and schedules, before they are restored again.
  void forget_settings();
  /// After the last restore(): binds dependents to what they wait for.
  void recovered(Now now);
  /// Drops a task from memory as if it had never been seen.
  void forget(TaskId id);

  Missing missing(const Command& command) const;
  /// The same for what tick() will do.
  Missing missing(Now now) const;
  void apply(Command command, Now now, Random& random, Batch& out);
  /// Ends polls, leases, delays and deadlines that are due.
  void tick(Now now, Random& random, Batch& out);
  /// Looks for a task for every waiting agent: after tasks were restored behind the agents' backs.
  void rematch(Now now, Random& random, Batch& out);
  std::optional<BootTime> next_timer() const;
  /// Ends a batch: collects the last state of every task that it touched.
  void seal(Batch& out);
  bool has_dirty() const { return !dirty_.empty() || !dirty_schedules_.empty(); }
  /// Drops the oldest finished tasks beyond `keep`, of batches up to `committed_batch` only.
  void evict_finished(std::size_t keep, std::uint64_t committed_batch);
  void begin_batch(std::uint64_t number) { batch_ = number; }

  // For metrics, tests and the simulator's invariants.
  const std::unordered_map<TaskId, std::unique_ptr<TaskEntry>>& tasks() const { return tasks_; }
  const TaskEntry* find(TaskId id) const;
  const Agents& agents() const { return agents_; }
  const RuleBook& rules() const { return rules_; }
  const Workflow& workflow() const { return workflow_; }
  const DispatchState& dispatch() const { return dispatch_; }
  std::size_t queued() const { return ready_.size(); }
  const TenantLoads& loads() const { return loads_; }
  const std::map<std::string, KeySlot>& keys_in_use() const { return slots_; }
  const ReadyQueues& ready() const { return ready_; }
  std::size_t active() const { return active_; }
  std::uint64_t outcomes_waiting() const { return last_outcome_ - first_outcome_ + 1; }
  std::uint64_t outcomes_dropped() const { return outcomes_dropped_; }
  const EngineTally& tally() const { return tally_; }
  /// Tasks in memory by status; complete for those that are not final.
  std::size_t in_status(TaskStatus status) const { return by_status_[static_cast<std::size_t>(status)]; }
  const BudgetBook& budgets() const { return budgets_; }
  const HoldBook& holds() const { return holds_; }
  const ScheduleBook& schedules() const { return schedules_; }
  /// True while a task that is not over builds on it.
  bool is_needed(TaskId id) const { return needed_.contains(id); }
  /// Tasks that wait for money, by number.
  const std::map<TaskNumber, TaskEntry*>& parked() const { return parked_; }
  /// Agents wait although there may be something for them; the next tick goes on.
  bool matching() const { return matching_; }

 private:
  // task_engine_agents.cpp
  void on(RegisterAgent&& c);
  void on(PollTask&& c);
  void on(AbandonPoll&& c);
  void on(JoinStream&& c);
  void on(GrantCredit&& c);
  void on(LeaveStream&& c);
  void on(Heartbeat&& c);
  void show_life(TaskEntry& task);
  void on(ListAgents&& c);
  void on(InspectTask&& c);
  void on(ExplainTask&& c);
  void on(BeginDrain&& c);
  void on(SetHold&& c);
  void on(ListHolds&& c);
  void drain(Agent& agent, bool drained);
  void end_idle_link(Agent& agent);
  // task_engine_explain.cpp
  std::string explain(const TaskEntry& task) const;
  TaskExplained explained(const TaskEntry& task) const;
  void explain_block(const TaskEntry& task, TaskExplained& out) const;
  void explain_queue(const TaskEntry& task, TaskExplained& out) const;
  void explain_agents(const TaskEntry& task, TaskExplained& out) const;
  // task_engine_results.cpp
  void on(ReportResults&& c);
  ResultAnswer report(const ResultReport& result);
  ResultAnswer refuse(const ResultReport& result, Code code, std::string why);
  ResultAnswer accept(TaskEntry& task, const ResultReport& result);
  void succeed(TaskEntry& task, const ResultReport& result);
  void fail(TaskEntry& task, FailureClass failure, std::string_view actor, const std::string& message);
  void park(TaskEntry& task, FailureClass failure, std::string_view actor, const std::string& message);
  void advance(TaskEntry& task, std::string_view actor);
  bool go_back(TaskEntry& task, const WorkflowState& state, std::string_view actor, const std::string& why);
  void add_feedback(TaskEntry& task, std::string status, const std::string& text);
  void add_outcome(const TaskEntry& task, bool success);
  // task_engine_artifacts.cpp
  void on(AttachArtifact&& c);
  void put_artifacts(TaskEntry& task, Artifacts all);
  void release_artifacts(const TaskEntry& task);
  std::string missing_artifact(const TaskEntry& task, const ResultReport& result) const;
  // task_engine_submit.cpp
  void on(SubmitTasks&& c);
  std::optional<Error> check(const Submission& submission, std::map<TaskId, std::size_t>& in_request,
                             std::map<KeyHash, std::size_t>& keys_in_request, std::size_t index) const;
  TaskEntry& create(Submission&& submission, std::string_view actor, const std::string& reason);
  void on(CancelTask&& c);
  void on(DeleteTasks&& c);
  std::optional<Error> undeletable(TaskId id) const;
  void need(const TaskSpec& spec, bool needed);
  void on(ApproveTask&& c);
  void cancel(TaskEntry& task, std::string_view actor, const std::string& reason);
  void wish_to_end(TaskEntry& task, const std::string& reason, std::chrono::milliseconds grace);
  bool cancel_as_wished(TaskEntry& task, std::string_view actor);
  // task_engine_schedules.cpp
  void on(PutSchedule&& c);
  void on(PauseSchedule&& c);
  void on(DeleteSchedule&& c);
  void on(ListSchedules&& c);
  void fire_schedules();
  void fire(ScheduleEntry& entry);
  void submit_of(ScheduleEntry& entry, const Firing& firing);
  void plan_schedules();
  void answer_schedule(CallId call, const ScheduleEntry& entry);
  // task_engine_assign.cpp
  void on(SetDispatch&& c);
  void on(GetDispatch&& c) { answer(c.call, DispatchAnswered{dispatch_}); }
  void on(PutRules&& c);
  void on(PutPermissions&& c);
  void on(PutRequired&& c);
  void on(PutBudgets&& c);
  void on(Undeliver&& c);
  void on(OutcomesDelivered&& c);
  void on(Tick&&) {}
  void offer(TaskEntry& task);
  void offer_agent(Agent& agent);
  void match_all();
  /// The last look before a task goes out: true when it was parked instead.
  bool must_wait(TaskEntry& task) { return park_if_dry(task) || park_if_crowded(task); }
  bool park_if_dry(TaskEntry& task);
  bool park_if_crowded(TaskEntry& task);
  void fill_freed_keys();
  void leave_key(TaskEntry& task);
  void enter_key(TaskEntry& task);
  BootTime next_look(const DryBudget& dry) const;
  void assign(TaskEntry& task, Agent& agent);
  void deliver(TaskEntry& task, CallId call, bool repeated);
  void take_back(TaskEntry& task, const std::string& why);
  void revive(TaskEntry& task);
  // task_engine.cpp
  TaskState& edit(TaskEntry& task);
  void publish(TaskEntry& task, TaskStatus from, bool created);
  void move(TaskEntry& task, TaskStatus to, std::string_view actor, std::string reason, Blocked why = Blocked::No);
  void leave(TaskEntry& task);
  void enter(TaskEntry& task);
  std::map<TaskNumber, TaskEntry*>* held_by(const std::string& name);
  Agent* join(AgentProfile profile);
  void finish(TaskEntry& task);
  void enqueue(TaskEntry& task, std::string_view actor, std::string reason, bool keep_place = false);
  void unblock(TaskEntry& task, std::string_view actor, std::string reason);
  void wait_then_queue(TaskEntry& task, std::chrono::nanoseconds delay);
  void release_dependents(TaskEntry& task);
  void bind_dependencies(TaskEntry& task);
  std::chrono::milliseconds lease_of(const TaskEntry& task) const;
  void start_clock(TaskEntry& task, BootTime now);
  void arm(TaskEntry& task);
  void fire(TaskEntry& task);
  void add_history(TaskEntry& task, TaskStatus from, std::string_view actor, const std::string& reason);
  TaskEntry* lookup(TaskId id);
  Requirements requirements(const TaskEntry& task) const;
  void answer(CallId call, Reply reply);

  EngineLimits limits_;
  Workflow workflow_;
  RuleBook rules_;
  Agents agents_;
  DispatchState dispatch_;
  BudgetBook budgets_;
  RequiredPermissions required_;
  HoldBook holds_;
  ScheduleBook schedules_;
  std::set<std::string> dirty_schedules_;
  BootTime schedules_at_{};  // the next look at them; zero: there are none
  WallTime last_wall_{};
  bool draining_ = false;

  std::unordered_map<TaskId, std::unique_ptr<TaskEntry>> tasks_;  // looked up, never walked in decisions
  std::unordered_map<KeyHash, TaskId> keys_;
  std::map<TaskId, std::vector<TaskId>> dependents_;
  std::unordered_map<TaskId, std::uint32_t> needed_;  // by tasks that are not over: as dependency or parent
  std::map<std::pair<BootTime, TaskNumber>, TaskEntry*> timers_;
  std::map<std::string, std::map<TaskNumber, TaskEntry*>> strangers_;  // leases of agents not registered
  std::map<TaskNumber, TaskEntry*> parked_;
  TenantLoads loads_;
  std::map<std::string, KeySlot> slots_;
  std::vector<std::string> freed_keys_;
  std::deque<TaskId> finished_;
  ReadyQueues ready_;
  std::vector<TaskEntry*> dirty_;
  TaskNumber next_number_ = 1;
  std::uint64_t next_ticket_ = 1;
  std::size_t active_ = 0;
  std::array<std::size_t, 9> by_status_{};
  EngineTally tally_;
  std::uint64_t batch_ = 0;
  std::uint64_t first_outcome_ = 1;
  std::uint64_t last_outcome_ = 0;
  std::uint64_t outcomes_dropped_ = 0;
  BootTime last_sweep_{};
  bool matching_ = false;
  // Set for the length of one apply() or tick().
  Now now_;
  Random* random_ = nullptr;
  Batch* out_ = nullptr;
};

}  // namespace swarm::orchestrator

#include "application/commit_pipeline.hpp"

#include <map>

#include "libs/base/check.hpp"

namespace swarm::orchestrator {

CommitPipeline::CommitPipeline(TaskEngine& engine, TaskStore& store, std::size_t finished_kept)
    : engine_(engine), store_(store), finished_kept_(finished_kept) {
  start_batch();
}

void CommitPipeline::start_batch() {
  building_ = std::make_shared<Batch>();
  engine_.begin_batch(++number_);
}

Result<void> CommitPipeline::recover(Now now) {
  RecoverySink sink;
  sink.task = [&](StoredTask task) { engine_.restore(std::move(task), now); };
  sink.rule = [&](GoldenRule rule) { engine_.restore_rule(std::move(rule)); };
  sink.dispatch = [&](DispatchState state) { engine_.restore_dispatch(std::move(state)); };
  BOOST_OUTCOME_TRY(store_.recover(sink));
  engine_.restore_outcomes(sink.first_outcome, sink.last_outcome);
  engine_.restore_next_number(sink.next_number);
  engine_.recovered(now);
  return outcome::success();
}

Result<void> CommitPipeline::apply(Command command, Now now, Random& random) {
  BOOST_OUTCOME_TRY(load_missing(command, now));
  engine_.apply(std::move(command), now, random, *building_);
  return outcome::success();
}

void CommitPipeline::tick(Now now, Random& random) { engine_.tick(now, random, *building_); }

Result<void> CommitPipeline::load_missing(const Command& command, Now now) {
  Missing missing = engine_.missing(command);
  for (const KeyHash key : missing.keys) {
    BOOST_OUTCOME_TRY(auto id, store_.find_key(key));
    if (id) missing.ids.push_back(*id);
  }
  for (const TaskId id : missing.ids) {
    BOOST_OUTCOME_TRY(auto task, store_.find(id));
    if (task) engine_.restore(std::move(*task), now);
  }
  return outcome::success();
}

bool CommitPipeline::has_work() const { return !building_->answers.empty() || !building_->events.empty() ||
                                               !building_->changes.empty() || engine_.has_dirty(); }

std::shared_ptr<Batch> CommitPipeline::hand_over() {
  SWARM_CHECK(!committing_, "a batch was handed over while another is being committed");
  engine_.seal(*building_);
  committing_ = building_;
  start_batch();
  return committing_;
}

void CommitPipeline::committed() {
  committing_.reset();
  engine_.evict_finished(finished_kept_, number_ - 1);
}

Result<std::vector<CallId>> CommitPipeline::failed(Now now, Random& random) {
  engine_.seal(*building_);
  std::map<TaskNumber, TaskId> touched;
  std::vector<CallId> calls;
  for (const auto& batch : {committing_, building_}) {
    for (const auto& write : batch->changes.tasks) touched.emplace(write.task.spec->number, write.task.spec->id);
    for (const auto& answer : batch->answers) calls.push_back(answer.call);
  }
  for (const auto& [number, id] : touched) engine_.forget(id);
  for (const auto& [number, id] : touched) {
    BOOST_OUTCOME_TRY(auto task, store_.find(id));
    if (task) engine_.restore(std::move(*task), now);
  }
  engine_.recovered(now);
  committing_.reset();
  start_batch();
  // What was queued again may be what a waiting agent is waiting for.
  engine_.rematch(now, random, *building_);
  return calls;
}

}  // namespace swarm::orchestrator

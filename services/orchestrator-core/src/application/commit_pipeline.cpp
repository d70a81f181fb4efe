#include "application/commit_pipeline.hpp"

#include <map>

#include "libs/base/check.hpp"

namespace swarm::orchestrator {
namespace {

/// Keeps what was drawn.
class RecordingRandom final : public Random {
 public:
  explicit RecordingRandom(Random& random) : random_(random) {}
  std::uint64_t next() override {
    draws.push_back(random_.next());
    return draws.back();
  }
  std::vector<std::uint64_t> draws;

 private:
  Random& random_;
};

/// The same into `state` as well.
void copy_into(StartState& state, RecoverySink& sink) {
  const auto both = [](auto& forward, auto& list) {
    forward = [inner = std::move(forward), &list](auto value) {
      list.push_back(value);
      inner(std::move(value));
    };
  };
  both(sink.rule, state.rules);
  both(sink.hold, state.holds);
  both(sink.schedule, state.schedules);
  sink.dispatch = [inner = std::move(sink.dispatch), &state](DispatchState value) {
    state.dispatch = value;
    inner(std::move(value));
  };
}

void set_settings(RecoverySink& sink, TaskEngine& engine, const TimeZones& zones) {
  sink.hold = [&](Hold hold) { engine.restore_hold(std::move(hold)); };
  sink.schedule = [&](Schedule schedule) { engine.restore_schedule(schedule_entry(std::move(schedule), zones)); };
}

}  // namespace


ScheduleEntry schedule_entry(Schedule schedule, const TimeZones& zones) {
  ScheduleEntry out;
  out.zone = zones.find(schedule.zone);
  auto cron = Cron::parse(schedule.cron);
  if (cron) out.cron = cron.value();
  if (!out.zone || !cron) {
    schedule.paused = true;
    schedule.note = out.zone ? cron.error().message : "its time zone '" + schedule.zone + "' is not known here";
    schedule.next = {};
    out.zone = std::make_shared<Utc>();
  }
  out.schedule = std::move(schedule);
  return out;
}

CommitPipeline::CommitPipeline(TaskEngine& engine, TaskStore& store, const TimeZones& zones, std::size_t finished_kept)
    : engine_(engine), store_(store), zones_(zones), finished_kept_(finished_kept) {
  start_batch();
}

void CommitPipeline::start_batch() {
  building_ = std::make_shared<Batch>();
  engine_.begin_batch(++number_);
}

Result<void> CommitPipeline::recover(Now now) {
  RecoverySink sink;
  sink.task = [&](StoredTask task) {
    if (log_ != nullptr) log_->loaded(task, now);
    engine_.restore(std::move(task), now);
  };
  sink.rule = [&](GoldenRule rule) { engine_.restore_rule(std::move(rule)); };
  sink.dispatch = [&](DispatchState state) { engine_.restore_dispatch(std::move(state)); };
  set_settings(sink, engine_, zones_);
  StartState state;
  if (log_ != nullptr) copy_into(state, sink);
  BOOST_OUTCOME_TRY(store_.recover(sink));
  engine_.restore_outcomes(sink.first_outcome, sink.last_outcome);
  engine_.restore_next_number(sink.next_number);
  engine_.recovered(now);
  if (log_ == nullptr) return outcome::success();
  state.first_outcome = sink.first_outcome;
  state.last_outcome = sink.last_outcome;
  state.next_number = sink.next_number;
  log_->started(state, now);
  return outcome::success();
}

template <class Work>
void CommitPipeline::recorded(Random& random, Work work) {
  if (log_ == nullptr) return work(random);
  RecordingRandom recording(random);
  const std::size_t before = building_->answers.size();
  work(recording);
  log_->after(recording.draws, std::span(building_->answers).subspan(before));
}

void CommitPipeline::ended() {
  if (log_ != nullptr) log_->ended(engine_);
}

Result<void> CommitPipeline::apply(Command command, Now now, Random& random) {
  BOOST_OUTCOME_TRY(load(engine_.missing(command), now));
  if (log_ != nullptr) log_->applies(command, now);
  recorded(random, [&](Random& r) { engine_.apply(std::move(command), now, r, *building_); });
  return outcome::success();
}

Result<void> CommitPipeline::tick(Now now, Random& random) {
  BOOST_OUTCOME_TRY(load(engine_.missing(now), now));
  if (log_ != nullptr) log_->ticks(now);
  recorded(random, [&](Random& r) { engine_.tick(now, r, *building_); });
  return outcome::success();
}

/// The store still has it until the batch that erases it is durable.
bool CommitPipeline::is_erased(TaskId id) const {
  for (const auto& batch : {committing_, building_}) {
    if (!batch) continue;
    for (const auto& erasure : batch->changes.erased) {
      if (erasure.id == id) return true;
    }
  }
  return false;
}

Result<void> CommitPipeline::load(Missing missing, Now now) {
  for (const KeyHash key : missing.keys) {
    BOOST_OUTCOME_TRY(auto id, store_.find_key(key));
    if (id) missing.ids.push_back(*id);
  }
  for (const TaskId id : missing.ids) {
    if (is_erased(id)) continue;
    BOOST_OUTCOME_TRY(auto task, store_.find(id));
    if (!task) continue;
    if (log_ != nullptr) log_->loaded(*task, now);
    engine_.restore(std::move(*task), now);
  }
  return outcome::success();
}

Result<void> CommitPipeline::recover_settings() {
  engine_.forget_settings();
  RecoverySink sink;
  set_settings(sink, engine_, zones_);
  return store_.recover_settings(sink);
}

bool CommitPipeline::has_work() const { return !building_->answers.empty() || !building_->events.empty() ||
                                               !building_->changes.empty() || engine_.has_dirty(); }

std::shared_ptr<Batch> CommitPipeline::hand_over() {
  SWARM_CHECK(!committing_, "a batch was handed over while another is being committed");
  if (log_ != nullptr) log_->handed_over();
  engine_.seal(*building_);
  committing_ = building_;
  start_batch();
  return committing_;
}

void CommitPipeline::committed() {
  committing_.reset();
  engine_.evict_finished(finished_kept_, number_ - 1);
  if (log_ != nullptr) log_->committed(engine_);
}

Result<std::vector<CallId>> CommitPipeline::failed(Now now, Random& random) {
  if (log_ != nullptr) log_->fails(now);
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
  if (committing_->changes.has_settings() || building_->changes.has_settings()) {
    BOOST_OUTCOME_TRY(recover_settings());
  }
  engine_.recovered(now);
  committing_.reset();
  start_batch();
  // What was queued again may be what a waiting agent is waiting for.
  recorded(random, [&](Random& r) { engine_.rematch(now, r, *building_); });
  return calls;
}

}  // namespace swarm::orchestrator

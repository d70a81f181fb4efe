#include <algorithm>

#include "domain/task_engine.hpp"

// Tasks that are submitted again and again, by the wall clock.
namespace swarm::orchestrator {
namespace {

constexpr std::size_t kFiringsAtOnce = 64;                  // others have their turn first
constexpr std::chrono::seconds kLookEvery{10};              // the wall clock may have been set
constexpr std::chrono::seconds kSetBack{1};                 // less is only corrected
constexpr std::size_t kUpcomingShown = 5;
constexpr const char* kLabel = "schedule";

Error no_schedule(const std::string& name) { return {Code::NotFound, "no schedule '" + name + "'"}; }

}  // namespace

void TaskEngine::on(PutSchedule&& c) {
  Schedule& fresh = c.entry.schedule;
  const ScheduleEntry* known = schedules_.find(fresh.name);
  if (known == nullptr && schedules_.size() >= limits_.schedules_max) {
    return answer(c.call, Error{Code::ResourceExhausted, "there are " + std::to_string(schedules_.size()) + " schedules, no more are taken"});
  }
  if (known != nullptr && known->schedule.content_digest == fresh.content_digest) return answer_schedule(c.call, *known);
  fresh.created = now_.wall;
  if (known != nullptr) {
    const Schedule& old = known->schedule;
    fresh.created = old.created;
    fresh.last = old.last;
    fresh.last_task = old.last_task;
    fresh.fired = old.fired;
    fresh.missed_count = old.missed_count;
    fresh.overlapped = old.overlapped;
    fresh.refused = old.refused;
    fresh.paused = old.paused;
    fresh.note = old.note;
  }
  fresh.next = fresh.paused ? WallTime{} : c.entry.cron.next(now_.wall, *c.entry.zone).value_or(WallTime{});
  dirty_schedules_.insert(fresh.name);
  answer_schedule(c.call, schedules_.put(std::move(c.entry)));
  plan_schedules();
}

void TaskEngine::on(PauseSchedule&& c) {
  ScheduleEntry* entry = schedules_.find(c.name);
  if (entry == nullptr) return answer(c.call, no_schedule(c.name));
  Schedule& schedule = entry->schedule;
  if (schedule.paused != c.paused || schedule.note != c.note) {
    schedule.paused = c.paused;
    schedule.note = c.paused ? std::move(c.note) : "";
    // What it would have fired for meanwhile was not missed, but not wanted.
    schedules_.moved(*entry, c.paused ? WallTime{} : entry->cron.next(now_.wall, *entry->zone).value_or(WallTime{}));
    dirty_schedules_.insert(schedule.name);
    plan_schedules();
  }
  answer_schedule(c.call, *entry);
}

void TaskEngine::on(DeleteSchedule&& c) {
  const ScheduleEntry* entry = schedules_.find(c.name);
  if (entry == nullptr) return answer(c.call, no_schedule(c.name));
  answer_schedule(c.call, *entry);
  schedules_.erase(c.name);
  dirty_schedules_.insert(std::move(c.name));
  plan_schedules();
}

void TaskEngine::on(ListSchedules&& c) {
  SchedulesListed out;
  for (const auto& [name, entry] : schedules_.all()) {
    if (!c.name.empty() && c.name != name) continue;
    const bool fires = entry.schedule.next != WallTime{};
    out.schedules.push_back({entry.schedule, fires ? firings_after(entry, now_.wall, kUpcomingShown) : std::vector<WallTime>()});
  }
  if (!c.name.empty() && out.schedules.empty()) return answer(c.call, no_schedule(c.name));
  answer(c.call, std::move(out));
}

void TaskEngine::answer_schedule(CallId call, const ScheduleEntry& entry) {
  if (call == 0) return;
  const bool fires = entry.schedule.next != WallTime{};
  SchedulesListed out;
  out.schedules.push_back({entry.schedule, fires ? firings_after(entry, now_.wall, kUpcomingShown) : std::vector<WallTime>()});
  answer(call, std::move(out));
}

/// When to look at them next: they go by the wall clock, the timers by the other one.
void TaskEngine::plan_schedules() {
  const auto earliest = schedules_.earliest();
  // While draining they stay due: whoever starts next finds them missed, or in time.
  if (!earliest || draining_) {
    schedules_at_ = {};
    return;
  }
  const auto wait = std::clamp<std::chrono::nanoseconds>(*earliest - now_.wall, std::chrono::nanoseconds(1), kLookEvery);
  schedules_at_ = now_.boot + wait;
}

void TaskEngine::fire_schedules() {
  if (schedules_at_ == BootTime{} || schedules_at_ > now_.boot) return;
  // It may have passed a firing since it was set; what had its task before has its key.
  if (now_.wall + kSetBack < last_wall_) schedules_.look_back(now_.wall - kLookEvery);
  last_wall_ = now_.wall;
  for (std::size_t n = 0; n < kFiringsAtOnce && !draining_; ++n) {
    ScheduleEntry* entry = schedules_.due(now_.wall);
    if (entry == nullptr) break;
    fire(*entry);
  }
  plan_schedules();
}

Missing TaskEngine::missing(Now now) const {
  Missing out;
  if (schedules_at_ == BootTime{} || schedules_at_ > now.boot) return out;
  for (const ScheduleEntry* entry : schedules_.all_due(now.wall, kFiringsAtOnce)) {
    const auto firing = schedules_.firing(*entry, now.wall);
    if (firing.at && !keys_.contains(firing.key)) out.keys.push_back(firing.key);
  }
  return out;
}

void TaskEngine::fire(ScheduleEntry& entry) {
  const Firing firing = schedules_.firing(entry, now_.wall);
  Schedule& schedule = entry.schedule;
  schedule.missed_count += firing.missed;
  tally_.firings_missed += firing.missed;
  schedules_.moved(entry, firing.next);
  dirty_schedules_.insert(schedule.name);
  if (!firing.at) return;
  schedule.last = *firing.at;
  if (keys_.contains(firing.key)) return;  // the clock was set back: this time has had its task
  TaskEntry* before = lookup(schedule.last_task);
  if (before != nullptr && !is_final(before->state->status) && schedule.overlap != Overlap::Allow) {
    ++schedule.overlapped;
    if (schedule.overlap == Overlap::Skip) return;
    cancel(*before, "engine", "its schedule " + schedule.name + " fires again");
  }
  submit_of(entry, firing);
}

void TaskEngine::submit_of(ScheduleEntry& entry, const Firing& firing) {
  Schedule& schedule = entry.schedule;
  if (active_ >= limits_.tasks_active_max) {
    ++schedule.refused;
    return;
  }
  Submission submission;
  submission.spec = *schedule.task;
  submission.spec.id = {};
  submission.spec.key = firing.key;
  submission.spec.labels[kLabel] = schedule.name;
  submission.deadline = schedule.deadline;
  submission.texts = schedule.texts;
  TaskEntry& task = create(std::move(submission), "engine", "its schedule " + schedule.name + " fired");
  schedule.last_task = task.spec->id;
  ++schedule.fired;
  ++tally_.schedules_fired;
  if (task.state->status == TaskStatus::Queued) offer(task);
}

void TaskEngine::restore_schedule(ScheduleEntry entry) { schedules_.put(std::move(entry)); }

}  // namespace swarm::orchestrator

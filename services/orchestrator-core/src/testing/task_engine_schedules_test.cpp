#include <catch2/catch.hpp>

#include "application/commit_pipeline.hpp"
#include "testing/engine_rig.hpp"

using namespace swarm;
using namespace swarm::orchestrator;
using namespace swarm::orchestrator::testing;
using namespace std::chrono_literals;

namespace {

/// The rig's clock begins at midnight UTC, 1 January 2026.
struct ScheduleRig : EngineRig {
  const Schedule& put(const std::string& cron, MissedFirings missed = MissedFirings::Skip, Overlap overlap = Overlap::Allow) {
    Schedule schedule;
    schedule.name = "s";
    schedule.cron = cron;
    schedule.zone = "UTC";
    schedule.missed = missed;
    schedule.overlap = overlap;
    schedule.content_digest = stable_hash(cron) + static_cast<std::uint64_t>(overlap);
    TaskSpec spec;
    spec.role = "R";
    spec.max_attempts = 1;
    schedule.task = std::make_shared<TaskSpec>(spec);
    schedule.texts = std::make_shared<InputTexts>(InputTexts{"again", ""});
    apply(PutSchedule{1, schedule_entry(std::move(schedule), zones)});
    return found();
  }
  const Schedule& found() const { return engine.schedules().all().at("s").schedule; }
  std::size_t tasks() const { return engine.tasks().size(); }

  SimulatedZones zones;
};

}  // namespace

TEST_CASE("a schedule submits its task at each of its times", "[schedules]") {
  ScheduleRig rig;
  rig.put("*/10 * * * *");
  rig.pass(9min + 59s);
  CHECK(rig.tasks() == 0);
  rig.pass(2s);
  CHECK(rig.tasks() == 1);
  const auto* task = rig.engine.find(rig.found().last_task);
  REQUIRE(task != nullptr);
  CHECK(task->spec->labels.at("schedule") == "s");
  CHECK_FALSE(task->spec->key.empty());
  rig.pass(20min);
  CHECK(rig.tasks() == 3);
  CHECK(rig.found().fired == 3);
  CHECK(rig.found().missed_count == 0);
}

TEST_CASE("a schedule that is put again keeps its counts, paused it does not fire, deleted it is gone", "[schedules]") {
  ScheduleRig rig;
  rig.put("* * * * *");
  rig.pass(61s);
  CHECK(rig.put("*/2 * * * *").fired == 1);
  rig.apply(PauseSchedule{1, "s", true, "not now"});
  CHECK(rig.found().next == WallTime{});
  rig.pass(10min);
  CHECK(rig.tasks() == 1);
  rig.apply(PauseSchedule{1, "s", false, ""});
  rig.pass(2min + 1s);
  CHECK(rig.tasks() == 2);
  CHECK(rig.found().missed_count == 0);
  rig.apply(DeleteSchedule{1, "s"});
  rig.pass(10min);
  CHECK(rig.tasks() == 2);
  const auto answers = rig.apply(DeleteSchedule{1, "s"});
  CHECK(std::get<Error>(answers.at(0).reply).code == Code::NotFound);
  CHECK_FALSE(rig.engine.next_timer());
}

TEST_CASE("firings that nobody saw are skipped, or made up for by one", "[schedules]") {
  for (const auto missed : {MissedFirings::Skip, MissedFirings::One}) {
    ScheduleRig rig;
    rig.put("0 * * * *", missed);
    rig.now.wall += 5h + 30min;  // the clock is set
    rig.pass(20s);
    CHECK(rig.tasks() == (missed == MissedFirings::One ? 1 : 0));
    CHECK(rig.found().missed_count == 5);
    rig.pass(30min);
    CHECK(rig.found().fired == (missed == MissedFirings::One ? 2 : 1));
  }
}

TEST_CASE("one that is only a little late fires for its own time", "[schedules]") {
  ScheduleRig rig;
  rig.put("0 * * * *");
  rig.now.wall += 1h + 30s;
  rig.pass(11s);
  CHECK(rig.tasks() == 1);
  CHECK(rig.found().missed_count == 0);
}

TEST_CASE("a clock that is set back makes nothing fire twice and nothing stand still", "[schedules]") {
  ScheduleRig rig;
  rig.put("*/10 * * * *");
  rig.pass(31min);
  CHECK(rig.tasks() == 3);
  rig.now.wall -= 20min;  // at 00:11 again: 00:20 and 00:30 have had their tasks
  rig.pass(25min);
  CHECK(rig.tasks() == 3);
  rig.pass(5min);
  CHECK(rig.tasks() == 4);
  rig.now.wall += 5h;
  rig.pass(1min);
  rig.now.wall -= 5h;  // 00:42: the times of the afternoon to come are not waited for
  rig.pass(10min);
  CHECK(rig.tasks() == 5);
}

TEST_CASE("a firing during the task before is let through, left out, or ends it", "[schedules]") {
  for (const auto overlap : {Overlap::Allow, Overlap::Skip, Overlap::Cancel}) {
    ScheduleRig rig;
    rig.put("* * * * *", MissedFirings::Skip, overlap);
    rig.pass(61s);
    const TaskId first = rig.found().last_task;
    rig.pass(60s);
    CHECK(rig.tasks() == (overlap == Overlap::Skip ? 1 : 2));
    CHECK(rig.found().overlapped == (overlap == Overlap::Allow ? 0 : 1));
    CHECK(rig.state(first).status == (overlap == Overlap::Cancel ? TaskStatus::Cancelled : TaskStatus::Queued));
  }
}

TEST_CASE("there are no more schedules than allowed, and no firing beyond the bound of tasks", "[schedules]") {
  ScheduleRig rig;
  EngineLimits limits;
  limits.schedules_max = 0;
  EngineRig none(limits);
  Schedule schedule;
  schedule.name = schedule.zone = "UTC";
  schedule.cron = "* * * * *";
  const auto answers = none.apply(PutSchedule{1, schedule_entry(schedule, rig.zones)});
  CHECK(std::get<Error>(answers.at(0).reply).code == Code::ResourceExhausted);
}

TEST_CASE("a schedule whose zone is no longer known is paused and says why", "[schedules]") {
  Schedule schedule;
  schedule.name = "s";
  schedule.cron = "* * * * *";
  schedule.zone = "Mars/Olympus";
  schedule.next = WallTime(1h);
  const auto entry = schedule_entry(schedule, SimulatedZones());
  CHECK(entry.schedule.paused);
  CHECK_THAT(entry.schedule.note, Catch::Contains("Mars/Olympus"));
}

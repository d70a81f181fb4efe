#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/task_options.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = orchestrator::Orchestrator::Stub;
using orchestrator::Schedule;

const std::map<std::string, orchestrator::MissedFirings> kMissed{{"skip", orchestrator::MISSED_SKIP}, {"one", orchestrator::MISSED_ONE}};
const std::map<std::string, orchestrator::Overlap> kOverlap{
    {"allow", orchestrator::OVERLAP_ALLOW}, {"skip", orchestrator::OVERLAP_SKIP}, {"cancel", orchestrator::OVERLAP_CANCEL}};

template <class Value>
std::string name_of(const std::map<std::string, Value>& names, Value value) {
  for (const auto& [name, v] : names) {
    if (v == value) return name;
  }
  return "?";
}

std::string next_of(const Schedule& schedule) {
  if (schedule.paused()) return "paused";
  return schedule.next_unix_ms().empty() ? "never" : utc(schedule.next_unix_ms(0));
}

void print(Session& session, const Schedule& s) {
  if (session.json) return session.print_json(s);
  std::string next;
  for (const auto at : s.next_unix_ms()) next += (next.empty() ? "" : ", ") + utc(at);
  const auto& what = s.what();
  print_fields(session.out, session.terminal,
               {{"schedule", {what.name(), Style::Strong}},
                {"cron", what.cron()},
                {"time zone", what.time_zone()},
                {"next", s.paused() ? "paused" + (s.note().empty() ? "" : ": " + s.note()) : next},
                {"last", utc(s.last_unix_ms())},
                {"last task", s.last_task_id()},
                {"fired", std::to_string(s.fired())},
                {"missed", std::to_string(s.missed()) + ", then " + name_of(kMissed, what.missed())},
                {"overlapped", std::to_string(s.overlapped()) + ", then " + name_of(kOverlap, what.overlap())},
                {"refused", s.refused() == 0 ? "" : std::to_string(s.refused())},
                {"role", what.task().role()},
                {"workflow", what.task().workflow_state()},
                {"stack", what.task().stack()},
                {"description", what.task().description()}});
}

void answer(Session& session, const std::string& what, const Result<Schedule>& schedule) {
  if (!schedule) return session.fail(what, Peer::Orchestrator, schedule.error());
  print(session, schedule.value());
}

void add_put(Command schedules, Session& session) {
  struct Options {
    TaskOptions task;
    std::string name, cron, zone;
    orchestrator::MissedFirings missed = orchestrator::MISSED_SKIP;
    orchestrator::Overlap overlap = orchestrator::OVERLAP_ALLOW;
  };
  auto o = std::make_shared<Options>();
  const Command app = schedules.command("put", "submit a task again and again; replaces the schedule of that name");
  app.option("name", o->name, "of the schedule").required().type("NAME");
  app.option("description", o->task.description, "what is to be done each time").required().type("TEXT");
  app.option("--cron", o->cron, "minute hour day month weekday, as crontab(5); or @hourly, @daily, @weekly, @monthly").required();
  app.option("--zone", o->zone, "time zone, e.g. Europe/Berlin; default: UTC");
  app.option("--missed", [o](const std::string& v) { o->missed = kMissed.at(v); }, "what happens with firings while the server was away: skip, or one for all of them")
      .one_of({"skip", "one"})
      .type("skip|one");
  app.option("--overlap", [o](const std::string& v) { o->overlap = kOverlap.at(v); }, "when the task before is not over: allow, skip this one, or cancel that one")
      .one_of({"allow", "skip", "cancel"})
      .type("allow|skip|cancel");
  add_task_options(app, o->task);
  app.action([o, &session] {
    const auto task = to_task(o->task);
    if (!task) return session.refuse("schedules put", task.error().message);
    orchestrator::NewSchedule request;
    request.set_name(o->name);
    request.set_cron(o->cron);
    request.set_time_zone(o->zone);
    request.set_missed(o->missed);
    request.set_overlap(o->overlap);
    *request.mutable_task() = task.value();
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    answer(session, "schedules put", call(session, *stub, &Stub::PutSchedule, request));
  });
}

void run_list(Session& session) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto found = call(session, *stub, &Stub::ListSchedules, orchestrator::ListSchedulesRequest());
  if (!found) return session.fail("schedules list", Peer::Orchestrator, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"NAME"}, {"CRON"}, {"ZONE"}, {"NEXT"}, {"FIRED", true}, {"MISSED", true}, {"DESCRIPTION", false, true}});
  for (const auto& s : found.value().schedules()) {
    table.add({s.what().name(), s.what().cron(), s.what().time_zone(), next_of(s), std::to_string(s.fired()), std::to_string(s.missed()),
               s.what().task().description()});
  }
  if (table.empty()) session.err << "swarmctl: no schedules" << std::endl;
  else table.print(session.out, session.terminal);
}

void add_show(Command schedules, Session& session) {
  auto request = std::make_shared<orchestrator::ListSchedulesRequest>();
  const Command app = schedules.command("show", "everything of one schedule, with its next five firings");
  app.option("name", [request](const std::string& v) { request->set_name(v); }, "the schedule").required().type("NAME");
  app.action([request, &session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    const auto found = call(session, *stub, &Stub::ListSchedules, *request);
    if (!found) return session.fail("schedules show", Peer::Orchestrator, found.error());
    for (const auto& schedule : found.value().schedules()) print(session, schedule);
  });
}

void add_pause(Command schedules, Session& session, const std::string& name, const std::string& help, bool paused) {
  auto request = std::make_shared<orchestrator::PauseScheduleRequest>();
  request->set_paused(paused);
  const Command app = schedules.command(name, help);
  app.option("name", [request](const std::string& v) { request->set_name(v); }, "the schedule").required().type("NAME");
  if (paused) app.option("--reason", [request](const std::string& v) { request->set_note(v); }, "why, for everybody who looks");
  app.action([request, name, &session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    answer(session, "schedules " + name, call(session, *stub, &Stub::PauseSchedule, *request));
  });
}

void add_delete(Command schedules, Session& session) {
  auto request = std::make_shared<orchestrator::ScheduleRef>();
  const Command app = schedules.command("delete", "end a schedule; its tasks stay");
  app.option("name", [request](const std::string& v) { request->set_name(v); }, "the schedule").required().type("NAME");
  app.action([request, &session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    const auto gone = call(session, *stub, &Stub::DeleteSchedule, *request);
    if (!gone) return session.fail("schedules delete", Peer::Orchestrator, gone.error());
    if (session.json) return session.print_json(gone.value());
    session.out << request->name() << "  deleted" << std::endl;
  });
}

}  // namespace

void add_schedules(Command program, Session& session) {
  const Command schedules = program.group("schedules", "tasks that are submitted again and again");
  add_put(schedules, session);
  schedules.command("list", "list schedules and when they fire next").action([&session] { run_list(session); });
  add_show(schedules, session);
  add_pause(schedules, session, "pause", "let a schedule rest", true);
  add_pause(schedules, session, "resume", "let it fire again; nothing is made up for", false);
  add_delete(schedules, session);
}

}  // namespace swarm::ctl

#include "testing/simulation.hpp"

#include <array>

// The client: it submits, cancels, approves, repeats itself, sets clocks and keeps house.
namespace swarm::orchestrator::testing {

using std::chrono::milliseconds;

void Simulator::World::on(const ClientActs&) {
  if (!faults) return;
  at(milliseconds(20 + random.below(200)), ClientActs{});
  if (random.percent(8)) keep_house();
  const auto dice = random.below(100);
  if (dice < 60 && engine->active() < options.tasks_open_max) {
    submit();
  } else if (dice < 66) {
    send(CancelTask{kOtherCalls, any_task(), "changed my mind", milliseconds(random.percent(50) ? 0 : random.below(3'000))});
  } else if (dice < 86) {
    for (const auto& [id, task] : store.tasks()) {
      if (task.state->blocked == Blocked::Approval && random.percent(40)) {
        send(ApproveTask{kOtherCalls, id, random.percent(70), "seen", "ann"});
      }
    }
  } else if (dice < 90) {
    halted = !halted && random.percent(50);
    send(SetDispatch{kOtherCalls, {halted, "test", "ann", {}}});
    count("halt or resume");
  } else if (dice < 92) {
    count("wall clock jumped");
    const auto jump = std::chrono::minutes(random.below(240));
    wall += random.percent(50) ? jump : -jump;
    boot += std::chrono::nanoseconds(1);  // see Arrives
  } else if (dice < 95) {
    change_budgets();
  } else if (dice < 97 && !requests.empty()) {
    count("request repeated");
    send(requests.begin()->second.command);
  }
}

void Simulator::World::keep_house() {
  const auto dice = random.below(10);
  const std::string name = "schedule-" + std::to_string(random.below(3));
  if (dice < 3) {
    count("schedule made");
    constexpr std::array kTimes{"* * * * *", "*/2 * * * *", "*/20 * * * *", "15 1,3 * * *", "30 */2 * * 1-5"};
    Schedule schedule;
    schedule.name = name;
    schedule.cron = kTimes[random.below(kTimes.size())];
    schedule.zone = random.percent(50) ? "UTC" : SimulatedZones::kRestless;
    schedule.missed = random.percent(50) ? MissedFirings::Skip : MissedFirings::One;
    schedule.overlap = static_cast<Overlap>(1 + random.below(3));
    schedule.content_digest = random.next();
    auto task = make_task({});
    task.spec.depends_on.clear();
    schedule.task = std::make_shared<TaskSpec>(std::move(task.spec));
    schedule.texts = task.texts;
    send(PutSchedule{kOtherCalls, schedule_entry(std::move(schedule), zones)});
  } else if (dice < 5) {
    send(PauseSchedule{kOtherCalls, name, random.percent(30), "test"});
  } else if (dice < 6) {
    send(DeleteSchedule{kOtherCalls, name});
  } else if (dice < 8) {
    DeleteTasks command{kOtherCalls, {}};
    for (auto it = store.tasks().lower_bound(any_task()); it != store.tasks().end() && command.tasks.size() < 8; ++it) command.tasks.push_back(it->first);
    send(std::move(command));
  } else {
    count("hold or release");
    const auto kind = static_cast<HoldKind>(1 + random.below(4));
    const std::string subjects[] = {"agent-" + std::to_string(random.below(options.agents)), "Coder", "python", "t"};
    send(SetHold{kOtherCalls, {kind, subjects[static_cast<std::size_t>(kind) - 1], "test", "ann", {}}, random.percent(50)});
  }
}

void Simulator::World::change_budgets() {
  count("budgets changed");
  PutBudgets command;
  command.snapshot = random.percent(20);
  const std::string scopes[] = {"task/" + text(any_task()), "team/t", "global"};
  for (const auto& scope : scopes) {
    if (random.percent(40)) continue;
    BudgetNews news{scope, random.percent(50) ? "day" : "total", random.percent(scope == "global" ? 20 : 60), random.percent(20), {}};
    if (random.percent(50)) news.resets = wall + milliseconds(random.below(8'000));
    command.news.push_back(std::move(news));
  }
  send(std::move(command));
}

TaskId Simulator::World::any_task() {
  if (store.tasks().empty()) return {1, 1};
  auto it = store.tasks().lower_bound({random.next() >> 1, 0});
  if (it == store.tasks().end()) it = store.tasks().begin();
  // Most of them are over; look for one that lives close by.
  for (int i = 0; i < 20 && is_final(it->second.state->status); ++i) {
    if (++it == store.tasks().end()) it = store.tasks().begin();
  }
  return it->first;
}

void Simulator::World::submit() {
  SubmitTasks command;
  command.call = kSubmitCalls | ++last_call;
  const auto n = 1 + random.below(3);
  for (std::uint64_t i = 0; i < n; ++i) command.tasks.push_back(make_task(command));
  requests[command.call] = {command, 0};
  send(command);
}

Submission Simulator::World::make_task(const SubmitTasks& request) {
  Submission task;
  task.spec.id = make_task_id(wall, random.next(), random.next());
  task.spec.key = {random.next(), 7};
  task.spec.content_digest = random.next();
  task.spec.priority = static_cast<int>(random.below(3));
  task.spec.max_attempts = static_cast<int>(1 + random.below(4));
  task.spec.requires_approval = random.percent(8);
  if (random.percent(40)) task.spec.first_state = random.percent(30) ? "Design" : "Build";
  if (task.spec.first_state == "Design" && random.percent(30)) task.spec.until_state = "Design";
  if (random.percent(20)) task.spec.tenant = "t";
  if (random.percent(10)) task.spec.permissions = {"deploy"};
  if (random.percent(10)) task.delay = milliseconds(random.below(2'000));
  if (random.percent(35)) {
    TaskTerms terms;
    if (random.percent(60)) {
      terms.concurrency_max = static_cast<int>(1 + random.below(2));
      terms.concurrency_key = "key" + std::to_string(terms.concurrency_max);
    }
    if (random.percent(40)) terms.schedule_to_start = milliseconds(100 + random.below(6'000));
    if (random.percent(40)) terms.start_to_close = milliseconds(200 + random.below(6'000));
    if (random.percent(40)) terms.heartbeat = milliseconds(1'100 + random.below(5'000));
    task.spec.terms = std::make_shared<TaskTerms>(terms);
  }
  if (random.percent(8)) task.deadline = milliseconds(500 + random.below(20'000));
  if (random.percent(20) && !request.tasks.empty()) task.spec.depends_on = {request.tasks.front().spec.id};
  if (random.percent(10)) task.spec.depends_on.push_back(any_task());
  task.texts = std::make_shared<InputTexts>(InputTexts{"do", ""});
  return task;
}

void Simulator::World::retry_request(CallId call) {
  const auto it = requests.find(call);
  if (it == requests.end()) return;
  if (++it->second.tries > 5) {
    requests.erase(it);
  } else {
    at(milliseconds(random.below(300)), Arrives{it->second.command});
  }
}

}  // namespace swarm::orchestrator::testing

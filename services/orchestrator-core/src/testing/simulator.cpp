#include "testing/simulator.hpp"

#include <algorithm>
#include <array>
#include <variant>

#include "testing/simulated_world.hpp"

namespace swarm::orchestrator::testing {
namespace {

using std::chrono::milliseconds;

constexpr CallId kPollCalls = 1ull << 60;
constexpr CallId kStreamCalls = 2ull << 60;
constexpr CallId kResultCalls = 3ull << 60;
constexpr CallId kSubmitCalls = 4ull << 60;
constexpr CallId kOtherCalls = 5ull << 60;
constexpr CallId kFileCalls = 6ull << 60;

EngineLimits limits() {
  EngineLimits out;
  out.lease = milliseconds(4'000);
  out.start_within = milliseconds(1'000);
  out.forget_agent = milliseconds(60'000);
  out.attempts_default = 3;
  out.tell_changes = true;
  out.schedule_grace = milliseconds(20'000);
  out.results_kept = 64;
  out.retry = {milliseconds(50), milliseconds(2'000), milliseconds(100), milliseconds(500), milliseconds(200)};
  return out;
}

Workflow workflow() {
  return Workflow({{"Design", "Architect", "Build", "", true, 2},
                   {"Build", "Coder", "Review", "", false, 2},
                   {"Review", "Reviewer", "", "Build", false, 2}});
}

}  // namespace

/// The state of the simulated world and everything that can happen in it.
struct Simulator::World {
  struct CommitEnds {
    std::uint64_t life;
  };
  struct AgentActs {
    std::size_t agent;
    std::uint64_t turn;  // only the last one planned counts
  };
  struct AgentReports {
    std::size_t agent;
    ResultReport report;
  };
  struct AgentBeats {
    std::size_t agent;
    Work work;
    int left;
  };
  struct AgentHandsIn {
    std::size_t agent;
    AttachArtifact file;
  };
  struct Arrives {
    Command command;
  };
  struct ClientActs {};
  using Event = std::variant<CommitEnds, AgentActs, AgentReports, AgentBeats, AgentHandsIn, Arrives, ClientActs>;

  explicit World(SimulationOptions o)
      : options(o), random(o.seed * 7919 + 17), engine_random(o.seed + 1), file_random(o.seed * 31 + 7), promises(store, report.violations) {
    for (std::size_t i = 0; i < options.agents; ++i) {
      SimulatedAgent agent;
      agent.name = "agent-" + std::to_string(i);
      agent.by_stream = random.percent(30);
      agent.profile = {agent.name, {"*"}, {}, {}, ""};
      if (random.percent(40)) agent.profile.roles = {random.percent(50) ? "Coder" : "Reviewer"};
      if (random.percent(30)) agent.profile.permissions = {"deploy"};
      agents.push_back(agent);
      act(i, milliseconds(random.below(500)));
    }
    // Somebody is always there who may do anything.
    agents[0].profile.roles = agents[0].profile.permissions = {};
    agents[0].profile.permissions = {"deploy"};
    at(milliseconds(1), ClientActs{});
    start_engine();
  }

  Now now() const { return {boot, wall}; }
  void count(const std::string& what) { ++report.counts[what]; }

  template <class E>
  void at(std::chrono::nanoseconds delay, E event) {
    events.emplace(std::pair(boot + delay, ++sequence), Event(std::move(event)));
  }

  void act(std::size_t agent, std::chrono::nanoseconds delay) {
    at(delay, AgentActs{agent, ++agents[agent].turn});
  }

  /// A message on the network: late, lost or twice while faults are on.
  void send(Command command) {
    if (faults && random.percent(3)) return count("message lost");
    if (faults && random.percent(2)) {
      count("message twice");
      at(milliseconds(random.below(1'500)), Arrives{command});
    }
    const auto delay = faults && random.percent(4) ? random.below(3'000'000) : random.below(3'000);
    at(std::chrono::microseconds(delay), Arrives{std::move(command)});
  }

  void start_engine() {
    engine = std::make_unique<TaskEngine>(limits(), RuleLimits{}, workflow());
    pipeline = std::make_unique<CommitPipeline>(*engine, store, zones, 30);
    pipeline->recover(now()).value();
    ++life;
  }

  /// Memory is gone, what was durable stays; a commit under way may or may not have made it.
  void crash() {
    count("crash");
    if (committing != nullptr && random.percent(50)) {
      count("crash after the commit, before the answer");
      promises.committing(committing->changes);
      store.commit(committing->changes).value();
    }
    committing.reset();
    start_engine();
    promises.recovered();
    for (std::size_t i = 0; i < agents.size(); ++i) {
      agents[i].joined = false;
      if (agents[i].waits_for != 0) act(i, milliseconds(random.below(300)));
      agents[i].waits_for = 0;
    }
  }

  void hand_over() {
    if (pipeline->committing() || !pipeline->has_work()) return;
    committing = pipeline->hand_over();
    const auto delay = faults && random.percent(3) ? random.below(800'000) : 100 + random.below(5'000);
    at(std::chrono::microseconds(committing->changes.empty() ? 0 : delay), CommitEnds{life});
  }

  void on(const CommitEnds& event) {
    if (event.life != life || committing == nullptr) return;  // of an engine that died since
    const auto batch = std::exchange(committing, nullptr);
    if (faults && !batch->changes.empty() && random.percent(2)) {
      count("disk full");
      const auto calls = pipeline->failed(now(), engine_random);
      for (const CallId call : calls.value()) {
        reply(call, Error{Code::ResourceExhausted, "disk full"});
      }
      return;
    }
    promises.committing(batch->changes);
    store.commit(batch->changes).value();
    report.counts["task deleted"] += batch->changes.erased.size();
    for (const auto& write : batch->changes.tasks) report.counts["schedule fired"] += write.is_new && write.task.spec->labels.contains("schedule");
    for (const auto& change : batch->events) promises.changed(change, report.moves);
    for (auto& answer : batch->answers) reply(answer.call, answer.reply);
    pipeline->committed();
  }

  void on(Arrives& event) {
    const bool money = std::holds_alternative<PutBudgets>(event.command);
    pipeline->apply(std::move(event.command), now(), engine_random).value();
    if (money) boot += std::chrono::nanoseconds(1);  // so that check_money() can tell before from after
  }

  void reply(CallId call, const Reply& answer) {
    fingerprint(call, answer.index());
    if (const auto* submitted = std::get_if<Submitted>(&answer)) {
      promises.submitted(*submitted);
      requests.erase(call);
    } else if (const auto* results = std::get_if<ResultsAnswered>(&answer)) {
      on_results(call, *results);
    } else if (const auto* attached = std::get_if<ArtifactAttached>(&answer)) {
      if (const auto sent = files_sent.find(call); sent != files_sent.end()) promises.attached(attached->artifact, sent->second);
    } else if (call >= kPollCalls && call < kResultCalls) {
      on_agent_answer(call, answer);
    } else if (std::holds_alternative<Error>(answer) && call >= kSubmitCalls && call < kOtherCalls) {
      retry_request(call);
    }
  }

  void on_results(CallId call, const ResultsAnswered& results) {
    const auto sent = reports.find(call);
    if (sent == reports.end()) return;
    promises.answered(results.answers.front(), sent->second);
    if (results.answers.front().accepted) {
      count("result accepted");
    } else {
      count("result refused");
    }
  }

  void on_agent_answer(CallId call, const Reply& answer) {
    const auto index = static_cast<std::size_t>(call & 0xffff);
    auto& agent = agents[index];
    if (const auto* assigned = std::get_if<Assigned>(&answer)) {
      promises.assigned(*assigned);
      if (agent.waits_for == call && !agent.by_stream) agent.waits_for = 0;
      if (agent.dead || (faults && random.percent(6))) {
        count("assignment lost");
        if (!agent.by_stream) act(index, milliseconds(50 + random.below(2'000)));
        return;
      }
      work(index, {assigned->task.spec->id, assigned->token});
    } else if (std::holds_alternative<Registered>(answer)) {
      agent.joined = true;
      if (agent.by_stream) send(GrantCredit{call, 3});
      if (!agent.by_stream) act(index, milliseconds(1));
    } else {
      if (std::holds_alternative<Error>(answer)) agent.joined = false;
      if (agent.waits_for == call) agent.waits_for = 0;
      act(index, milliseconds(1 + random.below(50)));
    }
  }

  /// The agent has got a task: how it goes about it.
  void work(std::size_t index, const Work& task) {
    ResultReport result;
    result.task = task.task;
    result.token = task.token;
    result.success = random.percent(70);
    const auto kind = random.below(20);
    result.failure = kind < 14   ? FailureClass::AgentError
                     : kind < 16 ? FailureClass::Transient
                     : kind < 17 ? FailureClass::PolicyDenied
                     : kind < 18 ? FailureClass::BudgetExhausted
                     : kind < 19 ? FailureClass::Cancelled
                                 : FailureClass::Halted;
    result.digest = random.next() | 1;
    result.texts = std::make_shared<ResultTexts>(ResultTexts{result.success ? "made" : "", result.success ? "" : "why"});
    hand_in_files(index, result);
    const bool long_work = random.percent(20);
    const auto takes = milliseconds(long_work ? random.below(12'000) : random.below(400));
    if (random.percent(60)) at(milliseconds(random.below(100)), AgentBeats{index, task, long_work ? 12 : 0});
    at(takes, AgentReports{index, result});
    if (!agents[index].by_stream) act(index, takes + milliseconds(random.below(20)));
  }

  /// Some attempts hand in a file or two, and name them in the result; some name one that never comes.
  void hand_in_files(std::size_t index, ResultReport& result) {
    for (std::uint64_t n = file_random.below(10); n > 7; --n) {
      Artifact file;
      file.name = "file-" + std::to_string(file_random.below(3));
      file.sha256 = std::string(64, static_cast<char>('a' + file_random.below(6)));
      file.bytes = 1 + file_random.below(100);
      if (file_random.percent(30)) result.artifacts.push_back({file.name, file.sha256, file.bytes});
      if (file_random.percent(5)) continue;
      at(milliseconds(file_random.below(400)), AgentHandsIn{index, {0, result.task, *result.token, file}});
    }
  }

  void on(AgentHandsIn& event) {
    if (agents[event.agent].dead) return;
    event.file.call = kFileCalls | ++last_file;
    files_sent[event.file.call] = event.file;
    if (files_sent.size() > 4'000) files_sent.erase(files_sent.begin());
    count("file handed in");
    at(milliseconds(file_random.below(300)), Arrives{event.file});
    // Once more, much later: by then the task may have been given away.
    if (faults && file_random.percent(20)) at(milliseconds(file_random.below(9'000)), Arrives{event.file});
  }

  void on(const AgentBeats& event) {
    if (agents[event.agent].dead) return;
    send(Heartbeat{kOtherCalls, 0, agents[event.agent].name, {{event.work.task, event.work.token, "busy"}}});
    if (event.left > 0) at(milliseconds(1'000), AgentBeats{event.agent, event.work, event.left - 1});
  }

  void on(AgentReports& event) {
    auto& agent = agents[event.agent];
    if (agent.dead) return;
    send_report(agent, event.report);
    if (faults && random.percent(5)) agent.sent.push_back(event.report);
    if (faults && !agent.sent.empty() && random.percent(5)) {
      count("old result repeated");
      send_report(agent, agent.sent[random.below(agent.sent.size())]);
    }
    if (faults && random.percent(1)) {
      count("other result for the same lease");
      event.report.digest ^= 0xff00;
      send_report(agent, event.report);
    }
  }

  void send_report(const SimulatedAgent& agent, const ResultReport& report_sent) {
    const CallId call = kResultCalls | ++last_call;
    reports[call] = report_sent;
    if (reports.size() > 4'000) reports.erase(reports.begin());
    const CallId link = agent.by_stream ? agent.waits_for : 0;
    send(ReportResults{call, link, {report_sent}});
    if (agent.by_stream) send(GrantCredit{agent.waits_for, 1});
  }

  /// Joins, polls, dies, comes back.
  void on(const AgentActs& event) {
    auto& agent = agents[event.agent];
    if (event.turn != agent.turn) return;
    if (agent.dead) {
      agent.dead = false;
      agent.joined = false;
      agent.waits_for = 0;
    } else if (faults && random.percent(3)) {
      count("agent died");
      agent.dead = true;
      return act(event.agent, milliseconds(random.below(15'000)));
    }
    if (agent.waits_for != 0) return;
    const auto tag = (++last_call << 16) | event.agent;
    if (agent.by_stream) {
      agent.waits_for = kStreamCalls | tag;
      send(JoinStream{agent.waits_for, agent.profile});
    } else if (!agent.joined) {
      send(RegisterAgent{kPollCalls | tag, agent.profile});
    } else {
      agent.waits_for = kPollCalls | tag;
      send(PollTask{agent.waits_for, agent.name, boot + milliseconds(random.below(3'000))});
    }
    // A message may be lost: whoever hears nothing tries again.
    act(event.agent, milliseconds(6'000));
    if (agent.waits_for != 0 && faults && random.percent(2)) {
      count("caller gone");
      if (agent.by_stream) {
        send(LeaveStream{agent.waits_for});
      } else {
        send(AbandonPoll{agent.waits_for});
      }
      agent.waits_for = 0;
    } else if (agent.waits_for != 0 && !agent.by_stream) {
      agent.waits_for = 0;  // the next act replaces the poll, if nothing came
    }
  }

  void on(const ClientActs&) {
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

  void keep_house() {
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

  void change_budgets() {
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

  TaskId any_task() {
    if (store.tasks().empty()) return {1, 1};
    auto it = store.tasks().lower_bound({random.next() >> 1, 0});
    if (it == store.tasks().end()) it = store.tasks().begin();
    // Most of them are over; look for one that lives close by.
    for (int i = 0; i < 20 && is_final(it->second.state->status); ++i) {
      if (++it == store.tasks().end()) it = store.tasks().begin();
    }
    return it->first;
  }

  void submit() {
    SubmitTasks command;
    command.call = kSubmitCalls | ++last_call;
    const auto n = 1 + random.below(3);
    for (std::uint64_t i = 0; i < n; ++i) command.tasks.push_back(make_task(command));
    requests[command.call] = {command, 0};
    send(command);
  }

  Submission make_task(const SubmitTasks& request) {
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

  void retry_request(CallId call) {
    const auto it = requests.find(call);
    if (it == requests.end()) return;
    if (++it->second.tries > 5) {
      requests.erase(it);
    } else {
      at(milliseconds(random.below(300)), Arrives{it->second.command});
    }
  }

  void fingerprint(std::uint64_t a, std::uint64_t b) {
    report.fingerprint = mix(report.fingerprint ^ mix(a + 3 * b + static_cast<std::uint64_t>(
                                                              boot.time_since_epoch().count())));
  }

  bool step() {
    if (!report.violations.empty()) return false;
    auto next = events.begin()->first.first;
    const auto timer = engine->next_timer();
    if (timer && *timer < next) next = *timer;
    wall += std::max(next - boot, std::chrono::nanoseconds(0));
    boot = std::max(boot, next);
    if (timer && *timer <= boot) {
      pipeline->tick(now(), engine_random).value();
    } else {
      auto event = std::move(events.extract(events.begin()).mapped());
      std::visit([this](auto& e) { on(e); }, event);
    }
    hand_over();
    if (faults && random.below(2'000) == 0) crash();
    if (++steps % 16 == 0) {
      check_books(*engine, !engine->dispatch().halted, report.violations);
      check_money(*engine, now(), limits().lease, report.violations);
      check_schedules(*engine, now(), report.violations);
      check_files(store, report.violations);
    }
    return report.violations.empty();
  }

  /// No more faults: everything that was promised must now come to its end.
  void heal() {
    faults = false;
    for (auto& agent : agents) {
      agent.dead = false;
      agent.waits_for = 0;  // a stream whose join or credit was lost: its agent connects again
    }
    for (std::size_t i = 0; i < agents.size(); ++i) act(i, milliseconds(10));
    const BootTime end = boot + std::chrono::minutes(30);
    BootTime look = boot;
    while (boot < end && step()) {
      if (boot < look) continue;
      look = boot + milliseconds(500);
      send(SetDispatch{kOtherCalls, {}});
      send(PutBudgets{true, {}});
      for (const auto& [name, schedule] : store.schedules()) send(DeleteSchedule{kOtherCalls, name});
      for (const auto& [key, hold] : engine->holds().all()) send(SetHold{kOtherCalls, hold, false});
      for (const auto& [id, task] : store.tasks()) {
        if (task.state->blocked == Blocked::Approval) send(ApproveTask{kOtherCalls, id, true, "", "ann"});
      }
      for (const auto& [call, request] : requests) send(request.command);
      // What the engine has finished must be durable too before the store is looked at.
      const bool written = !pipeline->committing() && !pipeline->has_work();
      if (engine->active() == 0 && requests.empty() && store.schedules().empty() && written) break;
    }
    if (!report.violations.empty()) return;
    promises.check_durable();
    for (const TaskId id : promises.acknowledged()) {
      const auto task = store.tasks().find(id);
      if (task == store.tasks().end() || is_final(task->second.state->status)) continue;
      const TaskEntry* in_engine = engine->find(id);
      report.violations.push_back("a task never ended task=" + text(id) + " " +
                                  (in_engine == nullptr ? "not in memory"
                                                        : std::string(name(in_engine->state->status)) + " in memory") +
                                  ", stored as " +
                                  std::string(name(task->second.state->status)) + " " +
                                  std::string(name(task->second.state->blocked)) + ": " + task->second.state->reason);
      return;
    }
  }

  SimulationOptions options;
  SimulationReport report;
  SeededRandom random;
  SeededRandom engine_random;
  SeededRandom file_random;  // of its own, so that the rest of a seed's run stays what it was
  FakeTaskStore store;
  SimulatedZones zones;
  Promises promises;
  std::unique_ptr<TaskEngine> engine;
  std::unique_ptr<CommitPipeline> pipeline;
  std::shared_ptr<Batch> committing;
  std::map<std::pair<BootTime, std::uint64_t>, Event> events;
  std::vector<SimulatedAgent> agents;
  std::map<CallId, SubmittedRequest> requests;
  std::map<CallId, ResultReport> reports;
  BootTime boot{std::chrono::hours(1)};
  WallTime wall{std::chrono::seconds(1'767'225'600)};
  std::uint64_t sequence = 0;
  std::uint64_t last_call = 0;
  std::uint64_t last_file = 0;
  std::map<CallId, AttachArtifact> files_sent;
  std::uint64_t life = 0;
  std::uint64_t steps = 0;
  bool faults = true;
  bool halted = false;
};

Simulator::Simulator(SimulationOptions options) : world_(std::make_unique<World>(options)) {}
Simulator::~Simulator() = default;

SimulationReport Simulator::run() {
  while (world_->steps < world_->options.steps && world_->step()) {
  }
  world_->heal();
  return std::move(world_->report);
}

}  // namespace swarm::orchestrator::testing

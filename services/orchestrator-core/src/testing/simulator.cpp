#include "testing/simulation.hpp"

#include <algorithm>

namespace swarm::orchestrator::testing {
namespace {

using std::chrono::milliseconds;

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

Simulator::World::World(SimulationOptions o)
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

void Simulator::World::send(Command command) {
  if (faults && random.percent(3)) return count("message lost");
  if (faults && random.percent(2)) {
    count("message twice");
    at(milliseconds(random.below(1'500)), Arrives{command});
  }
  const auto delay = faults && random.percent(4) ? random.below(3'000'000) : random.below(3'000);
  at(std::chrono::microseconds(delay), Arrives{std::move(command)});
}

void Simulator::World::start_engine() {
  engine = std::make_unique<TaskEngine>(limits(), RuleLimits{}, workflow());
  pipeline = std::make_unique<CommitPipeline>(*engine, store, zones, 30);
  pipeline->recover(now()).value();
  ++life;
}

void Simulator::World::crash() {
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

void Simulator::World::hand_over() {
  if (pipeline->committing() || !pipeline->has_work()) return;
  committing = pipeline->hand_over();
  const auto delay = faults && random.percent(3) ? random.below(800'000) : 100 + random.below(5'000);
  at(std::chrono::microseconds(committing->changes.empty() ? 0 : delay), CommitEnds{life});
}

void Simulator::World::on(const CommitEnds& event) {
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

void Simulator::World::on(Arrives& event) {
  const bool money = std::holds_alternative<PutBudgets>(event.command);
  pipeline->apply(std::move(event.command), now(), engine_random).value();
  if (money) boot += std::chrono::nanoseconds(1);  // so that check_money() can tell before from after
}

void Simulator::World::reply(CallId call, const Reply& answer) {
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

void Simulator::World::on_results(CallId call, const ResultsAnswered& results) {
  const auto sent = reports.find(call);
  if (sent == reports.end()) return;
  promises.answered(results.answers.front(), sent->second);
  if (results.answers.front().accepted) {
    count("result accepted");
  } else {
    count("result refused");
  }
}

void Simulator::World::fingerprint(std::uint64_t a, std::uint64_t b) {
  report.fingerprint = mix(report.fingerprint ^ mix(a + 3 * b + static_cast<std::uint64_t>(
                                                            boot.time_since_epoch().count())));
}

bool Simulator::World::step() {
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

void Simulator::World::heal() {
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

Simulator::Simulator(SimulationOptions options) : world_(std::make_unique<World>(options)) {}
Simulator::~Simulator() = default;

SimulationReport Simulator::run() {
  while (world_->steps < world_->options.steps && world_->step()) {
  }
  world_->heal();
  return std::move(world_->report);
}

}  // namespace swarm::orchestrator::testing

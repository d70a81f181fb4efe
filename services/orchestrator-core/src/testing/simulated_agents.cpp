#include "testing/simulation.hpp"

// The agents: they die, lag, repeat themselves and lose what they were given.
namespace swarm::orchestrator::testing {

using std::chrono::milliseconds;

void Simulator::World::on_agent_answer(CallId call, const Reply& answer) {
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

void Simulator::World::work(std::size_t index, const Work& task) {
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

void Simulator::World::hand_in_files(std::size_t index, ResultReport& result) {
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

void Simulator::World::on(AgentHandsIn& event) {
  if (agents[event.agent].dead) return;
  event.file.call = kFileCalls | ++last_file;
  files_sent[event.file.call] = event.file;
  if (files_sent.size() > 4'000) files_sent.erase(files_sent.begin());
  count("file handed in");
  at(milliseconds(file_random.below(300)), Arrives{event.file});
  // Once more, much later: by then the task may have been given away.
  if (faults && file_random.percent(20)) at(milliseconds(file_random.below(9'000)), Arrives{event.file});
}

void Simulator::World::on(const AgentBeats& event) {
  if (agents[event.agent].dead) return;
  send(Heartbeat{kOtherCalls, 0, agents[event.agent].name, {{event.work.task, event.work.token, "busy"}}});
  if (event.left > 0) at(milliseconds(1'000), AgentBeats{event.agent, event.work, event.left - 1});
}

void Simulator::World::on(AgentReports& event) {
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

void Simulator::World::send_report(const SimulatedAgent& agent, const ResultReport& report_sent) {
  const CallId call = kResultCalls | ++last_call;
  reports[call] = report_sent;
  if (reports.size() > 4'000) reports.erase(reports.begin());
  const CallId link = agent.by_stream ? agent.waits_for : 0;
  send(ReportResults{call, link, {report_sent}});
  if (agent.by_stream) send(GrantCredit{agent.waits_for, 1});
}

void Simulator::World::on(const AgentActs& event) {
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

}  // namespace swarm::orchestrator::testing

#pragma once

#include <variant>
#include <vector>

#include "domain/task_engine.hpp"
#include "testing/simulated_world.hpp"

namespace swarm::orchestrator::testing {

/// The engine alone, with hand-driven clocks; every batch counts as committed at once. For tests of one rule at a time.
class EngineRig {
 public:
  explicit EngineRig(EngineLimits limits = {}, Workflow workflow = Workflow::standard())
      : engine(limits, RuleLimits{}, std::move(workflow)) {}

  /// Applies, and gives the answers.
  std::vector<Answer> apply(Command command) {
    Batch batch;
    engine.apply(std::move(command), now, random, batch);
    return end(batch);
  }
  /// Lets time pass, timer by timer.
  std::vector<Answer> pass(std::chrono::nanoseconds time) {
    std::vector<Answer> out;
    const BootTime end_at = now.boot + time;
    for (auto next = engine.next_timer(); next && *next <= end_at; next = engine.next_timer()) {
      step_to(std::max(*next, now.boot));
      Batch batch;
      engine.tick(now, random, batch);
      for (auto& answer : end(batch)) out.push_back(std::move(answer));
    }
    step_to(end_at);
    return out;
  }

  TaskId submit(TaskSpec spec = {}, std::chrono::milliseconds deadline = {}) {
    Submission task;
    task.spec = std::move(spec);
    task.deadline = deadline;
    task.texts = std::make_shared<InputTexts>(InputTexts{"do", ""});
    SubmitTasks command;
    command.call = 1;
    command.tasks.push_back(std::move(task));
    const auto answers = apply(std::move(command));
    const auto* submitted = std::get_if<Submitted>(&answers.at(0).reply);
    return submitted == nullptr ? TaskId{} : submitted->tasks.at(0).id;
  }
  void join(AgentProfile profile) { apply(RegisterAgent{1, std::move(profile)}); }
  void join(const std::string& name) { join(AgentProfile{name, {"*"}, {}, {}, ""}); }
  /// What the agent gets at once, or nothing; its poll ends.
  std::optional<Assigned> poll(const std::string& agent) {
    auto answers = apply(PollTask{++last_call_, agent, now.boot});
    for (auto& answer : pass(std::chrono::nanoseconds(0))) answers.push_back(std::move(answer));
    for (auto& answer : answers) {
      if (auto* assigned = std::get_if<Assigned>(&answer.reply)) return std::move(*assigned);
    }
    return std::nullopt;
  }
  ResultAnswer report(const Assigned& task, bool success, FailureClass failure = FailureClass::AgentError) {
    ResultReport result;
    result.task = task.task.spec->id;
    result.token = task.token;
    result.success = success;
    result.failure = failure;
    result.digest = success ? 1 : 2;
    result.texts = std::make_shared<ResultTexts>(ResultTexts{"", success ? "" : "why"});
    auto answers = apply(ReportResults{++last_call_, 0, {result}});
    return std::get<ResultsAnswered>(answers.at(0).reply).answers.at(0);
  }
  void beat(const Assigned& task, const std::string& agent) {
    apply(Heartbeat{0, 0, agent, {{task.task.spec->id, task.token, ""}}});
  }
  const TaskState& state(TaskId id) const { return *engine.find(id)->state; }

  TaskEngine engine;
  SeededRandom random{1};
  Now now{BootTime(std::chrono::hours(1)), WallTime(std::chrono::seconds(1'767'225'600))};
  std::vector<Transition> history;
  std::vector<Outcome> outcomes;

 private:
  void step_to(BootTime boot) {
    now.wall += boot - now.boot;
    now.boot = boot;
  }
  std::vector<Answer> end(Batch& batch) {
    engine.seal(batch);
    for (const auto& write : batch.changes.history) history.push_back(write.entry);
    for (const auto& outcome : batch.changes.outcomes) outcomes.push_back(outcome);
    return std::move(batch.answers);
  }

  CallId last_call_ = 100;
};

}  // namespace swarm::orchestrator::testing

#include "commands/task_options.hpp"

#include <fstream>
#include <iostream>

#include "commands/command.hpp"

namespace swarm::ctl {
namespace {

constexpr std::size_t kInputBytesMax = 16 << 20;

template <class Repeated>
void fill(Repeated* out, const std::vector<std::string>& values) {
  for (const std::string& value : values) *out->Add() = value;
}

}  // namespace

Result<std::string> read_input(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  if (!in) return Error{Code::NotFound, "can't read " + path};
  std::string out(kInputBytesMax + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  if (in.bad()) return Error{Code::Unknown, "can't read " + path};
  out.resize(static_cast<std::size_t>(in.gcount()));
  if (out.size() > kInputBytesMax) return Error{Code::OutOfRange, path + " is larger than 16 MiB"};
  return out;
}

void add_task_options(Command app, TaskOptions& o) {
  const Option context = app.option("--context", o.context, "text that goes with the task");
  app.option("--context-file", o.context_file, "the same from a file; - is stdin").type("FILE").excludes(context);
  app.option("--stack", o.stack, "technology, e.g. python; default: classified from the description");
  app.option("--state", o.state, "workflow state to begin in, e.g. FeatureImplementation");
  app.option("--until", o.until, "workflow state to end after");
  app.option("--role", o.role, "who does a plain task, e.g. Coder");
  app.option("--capability", o.capabilities, "that the agent must have; repeatable").repeatable();
  app.option("--permission", o.permissions, "that the agent must hold; repeatable").repeatable();
  app.option("--constraint", o.constraints, "that its agents get beside the golden rules; repeatable").type("TEXT").repeatable();
  app.option("--priority", o.priority, "higher goes first").between(-100, 100);
  app.option("--max-attempts", o.max_attempts, "per workflow state").between(0, 1000);
  app.labels("--label", o.labels, "to find it by; repeatable");
  app.option("--tenant", o.tenant, "whose task it is");
  app.flag("--approval", o.approval, "wait for tasks approve before it is queued");
  app.duration("--deadline", o.deadline, "cancelled so long after it was submitted");
  app.duration("--schedule-to-start", o.schedule_to_start, "dead when nobody takes it within this");
  app.duration("--start-to-close", o.start_to_close, "an attempt that takes longer has failed");
  app.duration("--heartbeat", o.heartbeat, "the agent must give a sign within this");
  const Option key = app.option("--concurrency-key", o.concurrency_key, "tasks of the tenant with this key take turns");
  app.option("--concurrency-max", o.concurrency_max, "so many of them at a time; default 1").between(1, 100'000).needs(key);
  app.option("--budget", o.budget, "what its model calls may cost in all").type("USD").between_numbers(0.0, 1e6);
}

Result<orchestrator::NewTask> to_task(const TaskOptions& o) {
  orchestrator::NewTask task;
  task.set_description(o.description);
  task.set_context(o.context);
  if (!o.context_file.empty()) {
    BOOST_OUTCOME_TRY(*task.mutable_context(), read_input(o.context_file));
  }
  task.set_stack(o.stack);
  fill(task.mutable_required_capabilities(), o.capabilities);
  fill(task.mutable_required_permissions(), o.permissions);
  fill(task.mutable_extra_constraints(), o.constraints);
  task.set_priority(o.priority);
  task.set_workflow_state(o.state);
  task.set_until_state(o.until);
  task.set_role(o.role);
  task.set_max_attempts(o.max_attempts);
  for (const auto& [key, value] : o.labels) (*task.mutable_labels())[key] = value;
  task.set_tenant(o.tenant);
  task.set_requires_approval(o.approval);
  task.set_deadline_ms(o.deadline.count());
  task.set_budget_usd(o.budget);
  task.set_concurrency_key(o.concurrency_key);
  task.set_concurrency_max(o.concurrency_max);
  task.set_schedule_to_start_ms(o.schedule_to_start.count());
  task.set_start_to_close_ms(o.start_to_close.count());
  task.set_heartbeat_ms(o.heartbeat.count());
  return task;
}

}  // namespace swarm::ctl

#include "commands/task_submit.hpp"

#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <iostream>

#include "call.hpp"
#include "commands/options.hpp"
#include "commands/task_watch.hpp"
#include "libs/base/uuid.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

constexpr const char* kWhat = "tasks submit";
constexpr std::size_t kInputBytesMax = 16 << 20;
using Stub = orchestrator::Orchestrator::Stub;

struct Options {
  std::string description, context, context_file, file;
  std::string id, key, stack, state, until, role, tenant, parent;
  std::vector<std::string> capabilities, permissions, depends_on, constraints;
  std::map<std::string, std::string> labels;
  int priority = 0;
  int max_attempts = 0;
  double budget = 0;
  std::string concurrency_key;
  int concurrency_max = 0;
  std::chrono::milliseconds schedule_to_start{0};
  std::chrono::milliseconds start_to_close{0};
  std::chrono::milliseconds heartbeat{0};
  bool approval = false;
  bool watch = false;
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds deadline{0};
};

/// "-" is the standard input.
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

/// A SubmitTasksRequest, or only its list of tasks.
Result<orchestrator::SubmitTasksRequest> read_tasks(const std::string& path) {
  BOOST_OUTCOME_TRY(std::string text, read_input(path));
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '[') text = "{\"tasks\":" + text + "}";
  orchestrator::SubmitTasksRequest request;
  const auto status = google::protobuf::util::JsonStringToMessage(text, &request);
  if (!status.ok()) return Error{Code::InvalidArgument, path + ": " + std::string(status.message())};
  if (request.tasks().empty()) return Error{Code::InvalidArgument, path + " holds no tasks"};
  return request;
}

template <class Repeated>
void fill(Repeated* out, const std::vector<std::string>& values) {
  for (const std::string& value : values) *out->Add() = value;
}

orchestrator::NewTask to_task(const Options& o) {
  orchestrator::NewTask task;
  task.set_task_id(o.id);
  task.set_idempotency_key(o.key);
  task.set_description(o.description);
  task.set_context(o.context);
  task.set_stack(o.stack);
  fill(task.mutable_required_capabilities(), o.capabilities);
  fill(task.mutable_required_permissions(), o.permissions);
  fill(task.mutable_extra_constraints(), o.constraints);
  task.set_priority(o.priority);
  fill(task.mutable_depends_on(), o.depends_on);
  task.set_workflow_state(o.state);
  task.set_until_state(o.until);
  task.set_role(o.role);
  task.set_max_attempts(o.max_attempts);
  for (const auto& [key, value] : o.labels) (*task.mutable_labels())[key] = value;
  task.set_tenant(o.tenant);
  task.set_parent_id(o.parent);
  task.set_requires_approval(o.approval);
  task.set_delay_ms(o.delay.count());
  task.set_deadline_ms(o.deadline.count());
  task.set_budget_usd(o.budget);
  task.set_concurrency_key(o.concurrency_key);
  task.set_concurrency_max(o.concurrency_max);
  task.set_schedule_to_start_ms(o.schedule_to_start.count());
  task.set_start_to_close_ms(o.start_to_close.count());
  task.set_heartbeat_ms(o.heartbeat.count());
  return task;
}

/// The ids go to stdout alone, so that `id=$(swarmctl tasks submit …)` works.
void print_submitted(Session& session, const orchestrator::SubmitTaskResponse& task) {
  session.out << task.task_id() << std::endl;
  if (!task.created()) session.err << "swarmctl: " << task.task_id() << " was there already" << std::endl;
}

void submit_one(Session& session, Options& o) {
  if (!o.context_file.empty()) {
    auto context = read_input(o.context_file);
    if (!context) return session.refuse(kWhat, context.error().message);
    o.context = std::move(context.value());
  }
  // With a key of our own the same submission can be repeated after a lost answer and still counts once.
  const bool own_key = o.key.empty() && o.id.empty();
  if (own_key) o.key = "swarmctl-" + uuid_v7(session.clock.wall_now());
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto answer = call(session, *stub, &Stub::SubmitTask, to_task(o));
  if (!answer) {
    session.fail(kWhat, Peer::Orchestrator, answer.error());
    if (own_key && answer.error().code == Code::DeadlineExceeded) {
      session.err << "swarmctl: to repeat it safely add --key " << o.key << std::endl;
    }
    return;
  }
  if (session.json) session.print_json(answer.value());
  else print_submitted(session, answer.value());
  if (o.watch) watch_tasks(session, {answer.value().task_id()}, "");
}

void submit_file(Session& session, const Options& o) {
  const auto request = read_tasks(o.file);
  if (!request) return session.refuse(kWhat, request.error().message);
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto answer = call(session, *stub, &Stub::SubmitTasks, request.value());
  if (!answer) return session.fail(kWhat, Peer::Orchestrator, answer.error());
  std::vector<std::string> ids;
  for (const auto& task : answer.value().tasks()) {
    ids.push_back(task.task_id());
    if (!session.json) print_submitted(session, task);
  }
  if (session.json) session.print_json(answer.value());
  if (o.watch) watch_tasks(session, ids, "");
}

}  // namespace

void add_task_submit(CLI::App& tasks, Session& session) {
  auto o = std::make_shared<Options>();
  CLI::App* app = tasks.add_subcommand("submit", "submit a task, or many from a file; prints the ids");
  auto* text = app->add_option("description", o->description, "what is to be done")->type_name("TEXT");
  auto* file = app->add_option("--file", o->file, "tasks as JSON: a list of NewTask, or a SubmitTasksRequest; - is stdin");
  file->type_name("FILE")->excludes(text);
  auto* context = app->add_option("--context", o->context, "text that goes with the task");
  app->add_option("--context-file", o->context_file, "the same from a file; - is stdin")->type_name("FILE")->excludes(context);
  app->add_option("--stack", o->stack, "technology, e.g. python; default: classified from the description");
  app->add_option("--state", o->state, "workflow state to begin in, e.g. FeatureImplementation");
  app->add_option("--until", o->until, "workflow state to end after");
  app->add_option("--role", o->role, "who does a plain task, e.g. Coder");
  app->add_option("--capability", o->capabilities, "that the agent must have; repeatable")->allow_extra_args(false);
  app->add_option("--permission", o->permissions, "that the agent must hold; repeatable")->allow_extra_args(false);
  app->add_option("--constraint", o->constraints, "that its agents get beside the golden rules; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app->add_option("--depends-on", o->depends_on, "task that must succeed before; repeatable")
      ->type_name("ID")
      ->allow_extra_args(false);
  app->add_option("--priority", o->priority, "higher goes first")->check(CLI::Range(-100, 100));
  app->add_option("--max-attempts", o->max_attempts, "per workflow state")->check(CLI::Range(0, 1000));
  add_labels(*app, "--label", o->labels, "to find it by; repeatable");
  app->add_option("--tenant", o->tenant, "whose task it is");
  app->add_option("--parent", o->parent, "the task that made this one")->type_name("ID");
  app->add_option("--id", o->id, "a UUID of your own")->type_name("UUID");
  app->add_option("--key", o->key, "idempotency key: the same key and content counts once");
  app->add_flag("--approval", o->approval, "wait for tasks approve before it is queued");
  add_duration(*app, "--delay", o->delay, "not before this long from now");
  add_duration(*app, "--deadline", o->deadline, "cancelled this long from now");
  add_duration(*app, "--schedule-to-start", o->schedule_to_start, "dead when nobody takes it within this");
  add_duration(*app, "--start-to-close", o->start_to_close, "an attempt that takes longer has failed");
  add_duration(*app, "--heartbeat", o->heartbeat, "the agent must give a sign within this");
  auto* key = app->add_option("--concurrency-key", o->concurrency_key, "tasks of the tenant with this key take turns");
  app->add_option("--concurrency-max", o->concurrency_max, "so many of them at a time; default 1")->check(CLI::Range(1, 100'000))->needs(key);
  app->add_option("--budget", o->budget, "what its model calls may cost in all")->type_name("USD")->check(CLI::Range(0.0, 1e6));
  app->add_flag("--watch", o->watch, "stay and show its changes until it is final");
  app->callback([o, &session] {
    if (!o->file.empty()) return submit_file(session, *o);
    if (o->description.empty()) throw CLI::RequiredError("description or --file");
    submit_one(session, *o);
  });
}

}  // namespace swarm::ctl

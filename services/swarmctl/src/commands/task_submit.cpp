#include "commands/task_submit.hpp"

#include <google/protobuf/util/json_util.h>

#include <cctype>

#include "call.hpp"
#include "commands/command.hpp"
#include "commands/task_options.hpp"
#include "commands/task_watch.hpp"
#include "libs/base/uuid.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

constexpr const char* kWhat = "tasks submit";
using Stub = orchestrator::Orchestrator::Stub;

struct Options {
  TaskOptions task;
  std::string file;
  std::string id, key, parent, parent_token_file;
  std::vector<std::string> depends_on;
  bool watch = false;
  std::chrono::milliseconds delay{0};
};

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

Result<orchestrator::NewTask> to_new_task(const Options& o) {
  BOOST_OUTCOME_TRY(auto task, to_task(o.task));
  task.set_task_id(o.id);
  task.set_idempotency_key(o.key);
  for (const std::string& id : o.depends_on) task.add_depends_on(id);
  task.set_parent_id(o.parent);
  if (!o.parent_token_file.empty()) {
    BOOST_OUTCOME_TRY(auto token, read_input(o.parent_token_file));
    while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) token.pop_back();
    task.set_parent_token(token);
  }
  task.set_delay_ms(o.delay.count());
  return task;
}

/// The ids go to stdout alone, so that `id=$(swarmctl tasks submit …)` works.
void print_submitted(Session& session, const orchestrator::SubmitTaskResponse& task) {
  session.out << task.task_id() << std::endl;
  if (!task.created()) session.err << "swarmctl: " << task.task_id() << " was there already" << std::endl;
}

void submit_one(Session& session, Options& o) {
  // With a key of our own the same submission can be repeated after a lost answer and still counts once.
  const bool own_key = o.key.empty() && o.id.empty();
  if (own_key) o.key = "swarmctl-" + uuid_v7(session.clock.wall_now());
  const auto task = to_new_task(o);
  if (!task) return session.refuse(kWhat, task.error().message);
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto answer = call(session, *stub, &Stub::SubmitTask, task.value());
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

void add_task_submit(Command tasks, Session& session) {
  auto o = std::make_shared<Options>();
  const Command app = tasks.command("submit", "submit a task, or many from a file; prints the ids");
  const Option text = app.option("description", o->task.description, "what is to be done").type("TEXT");
  const Option file = app.option("--file", o->file, "tasks as JSON: a list of NewTask, or a SubmitTasksRequest; - is stdin");
  file.type("FILE").excludes(text);
  add_task_options(app, o->task);
  app.option("--depends-on", o->depends_on, "task that must succeed before; repeatable")
      .type("ID")
      .repeatable();
  const Option parent = app.option("--parent", o->parent, "the task that made this one").type("ID");
  app.option("--parent-token-file", o->parent_token_file, "the capability that came with the parent's assignment").type("FILE").needs(parent);
  app.option("--id", o->id, "a UUID of your own").type("UUID");
  app.option("--key", o->key, "idempotency key: the same key and content counts once");
  app.duration("--delay", o->delay, "not before this long from now");
  app.flag("--watch", o->watch, "stay and show its changes until it is final");
  app.action([o, &session] {
    if (!o->file.empty()) return submit_file(session, *o);
    if (o->task.description.empty()) refuse_without("description or --file");
    submit_one(session, *o);
  });
}

}  // namespace swarm::ctl

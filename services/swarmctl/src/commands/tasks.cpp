#include <unistd.h>

#include <pwd.h>

#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/command.hpp"
#include "commands/task_submit.hpp"
#include "commands/task_text.hpp"
#include "commands/task_watch.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = orchestrator::Orchestrator::Stub;
constexpr int kPageMax = 1000;
constexpr int kListedMax = 100'000;

struct ListOptions {
  std::string status, stack, state, text, parent, tenant;
  std::chrono::milliseconds newer{0};
  std::chrono::milliseconds older{0};
  std::map<std::string, std::string> labels;
  int limit = 50;
};

void to_request(const Session& session, const ListOptions& o, orchestrator::ListTasksRequest& out) {
  out.set_status(status_of(o.status));
  out.set_stack(o.stack);
  out.set_workflow_state(o.state);
  out.set_text(o.text);
  out.set_parent_id(o.parent);
  out.set_tenant(o.tenant);
  const auto now = unix_ms(session.clock.wall_now());
  if (o.newer.count() > 0) out.set_created_from_unix_ms(now - o.newer.count());
  if (o.older.count() > 0) out.set_created_before_unix_ms(now - o.older.count());
  for (const auto& [key, value] : o.labels) (*out.mutable_labels())[key] = value;
}

/// Follows the pages until `limit` tasks are there (0: all of them, up to kListedMax).
Result<orchestrator::ListTasksResponse> list(Session& session, const ListOptions& o) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const int limit = o.limit == 0 ? kListedMax : std::min(o.limit, kListedMax);
  orchestrator::ListTasksRequest request;
  to_request(session, o, request);
  orchestrator::ListTasksResponse all;
  do {
    request.set_page_size(std::min(kPageMax, limit - all.tasks_size()));
    BOOST_OUTCOME_TRY(auto page, call(session, *stub, &Stub::ListTasks, request));
    for (auto& task : *page.mutable_tasks()) *all.add_tasks() = std::move(task);
    all.set_next_page_token(page.next_page_token());
    request.set_page_token(page.next_page_token());
  } while (!all.next_page_token().empty() && all.tasks_size() < limit);
  return all;
}

void run_list(Session& session, const ListOptions& o) {
  const auto found = list(session, o);
  if (!found) return session.fail("tasks list", Peer::Orchestrator, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"ID"}, {"STATUS"}, {"WORKFLOW"}, {"STACK"}, {"TRY", true}, {"AGE", true}, {"DESCRIPTION", false, true}});
  for (const auto& task : found.value().tasks()) {
    table.add({task.task_id(), status_cell(task), task.workflow_state().empty() ? task.role() : task.workflow_state(),
               task.stack(), std::to_string(task.attempt()), age(task.created_unix_ms(), session.clock.wall_now()),
               task.description()});
  }
  if (table.empty()) {
    session.err << "swarmctl: no tasks" << std::endl;
    return;
  }
  table.print(session.out, session.terminal);
  if (!found.value().next_page_token().empty()) {
    session.err << "swarmctl: there are more; --limit 0 shows all" << std::endl;
  }
}

void add_list(Command tasks, Session& session) {
  auto o = std::make_shared<ListOptions>();
  const Command app = tasks.command("list", "list tasks, newest first");
  std::string statuses;
  for (const std::string& name : status_names()) statuses += (statuses.empty() ? "" : "|") + name;
  app.option("--status", o->status, "only with this status")
      .one_of(status_names())
      .type(statuses);
  app.option("--stack", o->stack, "only of this stack");
  app.option("--state", o->state, "only in this workflow state");
  app.labels("--label", o->labels, "only with this label; repeatable");
  app.option("--text", o->text, "only with these words in the description");
  app.option("--parent", o->parent, "only made by this task").type("ID");
  app.option("--tenant", o->tenant, "only of this tenant");
  app.duration("--newer", o->newer, "only submitted within this time");
  app.duration("--older", o->older, "only submitted before that");
  app.option("--limit", o->limit, "at most so many; 0: all").shows_default().between(0, kListedMax);
  app.action([o, &session] { run_list(session, *o); });
}

void print(Session& session, const orchestrator::Task& task) {
  if (session.json) session.print_json(task);
  else print_task(session.out, session.terminal, task);
}

void add_show(Command tasks, Session& session) {
  auto id = std::make_shared<std::string>();
  const Command app = tasks.command("show", "everything of one task, with its history");
  app.option("id", *id, "the task").required().type("ID");
  app.action([id, &session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    orchestrator::TaskRef ref;
    ref.set_task_id(*id);
    const auto task = call(session, *stub, &Stub::GetTask, ref);
    if (!task) return session.fail("tasks show", Peer::Orchestrator, task.error());
    print(session, task.value());
  });
}

void print_explanation(Session& session, const orchestrator::TaskExplanation& why) {
  print_fields(session.out, session.terminal,
               {{"task", {why.task_id(), Style::Strong}},
                {"status", status_name(why.status())},
                {"because", why.summary().empty() ? "nothing stands in its way" : why.summary()},
                {"before it", why.tasks_ahead() == 0 ? "" : std::to_string(why.tasks_ahead()) + " tasks"},
                {"last given to", why.decision().agent()},
                {"as attempt", why.has_decision() ? std::to_string(why.decision().attempt()) : ""},
                {"since", why.decision().why()},
                {"rules given", join(why.decision().rules_given())},
                {"rules held back", join(why.decision().rules_held_out())}});
  Table obstacles({{"OBSTACLE"}, {"CLEARS IN", true}, {"AGENTS", true}, {"DETAIL", false, true}});
  for (const auto& o : why.obstacles()) {
    obstacles.add({o.kind(), o.clears_in_ms() > 0 ? duration(std::chrono::milliseconds(o.clears_in_ms())) : "",
                   o.agents() > 0 ? std::to_string(o.agents()) : "", o.detail()});
  }
  Table agents({{"AGENT"}, {"HOLDS", true}, {"ASKS FOR WORK"}, {"KEPT AWAY BY", false, true}});
  for (const auto& a : why.agents()) {
    agents.add({a.agent(), std::to_string(a.held()), a.waiting() ? "yes" : "no", a.obstacle().empty() ? "-" : a.detail()});
  }
  for (const auto* table : {&obstacles, &agents}) {
    if (table->empty()) continue;
    session.out << '\n';
    table->print(session.out, session.terminal);
  }
  if (why.agents_total() > why.agents_size()) {
    session.err << "swarmctl: " << why.agents_total() - why.agents_size() << " more agents are not shown" << std::endl;
  }
}

void add_why(Command tasks, Session& session) {
  auto id = std::make_shared<std::string>();
  const Command app = tasks.command("why", "why nobody has a task, or who has it and why");
  app.option("id", *id, "the task").required().type("ID");
  app.action([id, &session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    orchestrator::TaskRef ref;
    ref.set_task_id(*id);
    const auto why = call(session, *stub, &Stub::WhyNotScheduled, ref);
    if (!why) return session.fail("tasks why", Peer::Orchestrator, why.error());
    if (session.json) session.print_json(why.value());
    else print_explanation(session, why.value());
  });
}

void add_delete(Command tasks, Session& session) {
  auto ids = std::make_shared<std::vector<std::string>>();
  const Command app = tasks.command("delete", "drop finished tasks with their history, texts and keys; nothing brings them back");
  app.option("id", *ids, "the tasks").required().type("ID");
  app.action([ids, &session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    for (const std::string& id : *ids) {
      orchestrator::TaskRef ref;
      ref.set_task_id(id);
      const auto deleted = call(session, *stub, &Stub::DeleteTask, ref);
      if (!deleted) session.fail("tasks delete", Peer::Orchestrator, deleted.error());
      else if (!session.json) session.out << id << "  deleted" << std::endl;
    }
  });
}

struct RedriveOptions {
  std::vector<std::string> ids;
  ListOptions filter;
  bool all = false;
};

/// Pages of dead tasks, until `limit` of them are done.
void run_redrive(Session& session, const RedriveOptions& o) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  orchestrator::RedriveRequest request;
  for (const std::string& id : o.ids) request.add_task_ids(id);
  if (o.ids.empty()) to_request(session, o.filter, *request.mutable_filter());
  int left = o.filter.limit == 0 ? kListedMax : o.filter.limit;
  do {
    if (o.ids.empty()) request.set_limit(std::min(kPageMax, left));
    const auto answer = call(session, *stub, &Stub::RedriveTasks, request);
    if (!answer) return session.fail("tasks redrive", Peer::Orchestrator, answer.error());
    if (session.json) session.print_json(answer.value());
    for (const auto& task : answer.value().tasks()) {
      if (!session.json) session.out << task.from() << " -> " << task.to() << (task.created() ? "" : " (redriven before)") << std::endl;
    }
    left -= answer.value().tasks_size();
    request.mutable_filter()->set_page_token(answer.value().next_page_token());
    if (answer.value().next_page_token().empty()) break;
  } while (o.ids.empty() && left > 0);
}

void add_redrive(Command tasks, Session& session) {
  auto o = std::make_shared<RedriveOptions>();
  const Command app = tasks.command("redrive", "submit dead tasks again, as new ones: by id, or by what list filters by");
  const Option ids = app.option("id", o->ids, "the tasks").type("ID");
  const Option all = app.flag("--all", o->all, "every dead task");
  app.option("--stack", o->filter.stack, "only of this stack").excludes(ids);
  app.option("--state", o->filter.state, "only in this workflow state").excludes(ids);
  app.labels("--label", o->filter.labels, "only with this label; repeatable");
  app.option("--text", o->filter.text, "only with these words in the description").excludes(ids);
  app.option("--limit", o->filter.limit, "at most so many; 0: all").shows_default().between(0, kListedMax);
  all.excludes(ids);
  app.action([o, &session] {
    const auto& f = o->filter;
    const bool chosen = o->all || !f.stack.empty() || !f.state.empty() || !f.text.empty() || !f.labels.empty();
    if (o->ids.empty() && !chosen) refuse_without("id, a filter or --all");
    run_redrive(session, *o);
  });
}

void add_watch(Command tasks, Session& session) {
  struct Options {
    std::vector<std::string> ids;
    std::string parent;
  };
  auto o = std::make_shared<Options>();
  const Command app = tasks.command("watch", "show changes as they happen; with ids until all are final (exit 0 if all succeeded)");
  app.option("id", o->ids, "the tasks; none: all").type("ID");
  app.option("--parent", o->parent, "only made by this task").type("ID");
  app.action([o, &session] { watch_tasks(session, o->ids, o->parent); });
}

std::string user_name() {
  const passwd* user = getpwuid(getuid());
  return user == nullptr ? "uid " + std::to_string(getuid()) : user->pw_name;
}

/// What cancel, approve and reject have in common: one call for each id, and one line for each answer.
template <class Request>
void steer(Session& session, const std::string& what, const std::vector<std::string>& ids, Request request,
           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, orchestrator::Task*)) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  for (const std::string& id : ids) {
    request.set_task_id(id);
    const auto task = call(session, *stub, method, request);
    if (!task) {
      session.fail(what, Peer::Orchestrator, task.error());
    } else if (session.json) {
      session.print_json(task.value());
    } else {
      session.out << id << "  " << status_cell(task.value()).text << std::endl;
    }
  }
}

struct SteerOptions {
  std::vector<std::string> ids;
  std::string text;
  std::string by = user_name();
  std::chrono::milliseconds grace{0};
};

void add_cancel(Command tasks, Session& session) {
  auto o = std::make_shared<SteerOptions>();
  const Command app = tasks.command("cancel", "cancel tasks; their agents are told");
  app.option("id", o->ids, "the tasks").required().type("ID");
  app.option("--reason", o->text, "why, for the history");
  app.duration("--grace", o->grace, "so long an agent that works on it has to end it by itself; default: none");
  app.action([o, &session] {
    orchestrator::CancelTaskRequest request;
    request.set_reason(o->text);
    request.set_grace_ms(o->grace.count());
    steer(session, "tasks cancel", o->ids, request, &Stub::CancelTask);
  });
}

void add_verdict(Command tasks, Session& session, const std::string& name, bool approve) {
  auto o = std::make_shared<SteerOptions>();
  const Command app = tasks.command(name, name + " tasks that wait for approval");
  app.option("id", o->ids, "the tasks").required().type("ID");
  app.option("--comment", o->text, "for the history and the next attempt");
  app.option("--by", o->by, "who decides").shows_default().type("NAME");
  app.action([o, &session, name, approve] {
    orchestrator::ApproveTaskRequest request;
    request.set_approve(approve);
    request.set_comment(o->text);
    request.set_by(o->by);
    steer(session, "tasks " + name, o->ids, request, &Stub::ApproveTask);
  });
}

}  // namespace

void add_tasks(Command program, Session& session) {
  const Command tasks = program.group("tasks", "submit, follow and steer tasks");
  add_task_submit(tasks, session);
  add_list(tasks, session);
  add_show(tasks, session);
  add_why(tasks, session);
  add_redrive(tasks, session);
  add_watch(tasks, session);
  add_cancel(tasks, session);
  add_verdict(tasks, session, "approve", true);
  add_verdict(tasks, session, "reject", false);
  add_delete(tasks, session);
}

}  // namespace swarm::ctl

#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/command.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = llm_gateway::BudgetControl::Stub;

std::unique_ptr<Stub> connect(Session& session) {
  return llm_gateway::BudgetControl::NewStub(session.channel(Peer::Gateway));
}

std::string limit_text(std::int64_t n) { return n == 0 ? "" : std::to_string(n); }

std::string queue_text(const llm_gateway::KeyInfo& key) {
  if (key.queue_time_ms() == 0) return "";
  return "up to " + duration(std::chrono::milliseconds(key.queue_time_ms())) + ", " + std::to_string(key.queue_max()) + " at a time";
}

std::string models_text(const llm_gateway::KeyInfo& key) {
  std::string text;
  for (const auto& model : key.models()) text += (text.empty() ? "" : ", ") + model;
  return text.empty() ? "all" : text;
}

Cell state_cell(const llm_gateway::KeyInfo& key) {
  return key.ended() ? Cell("ended", Style::Bad) : Cell("active", Style::Good);
}

void print_key(Session& session, const llm_gateway::KeyInfo& key) {
  print_fields(session.out, session.terminal,
               {{"key", {key.name(), Style::Strong}},
                {"state", state_cell(key)},
                {"team", key.team()},
                {"models", models_text(key)},
                {"requests a minute", limit_text(key.requests_per_minute())},
                {"tokens a minute", limit_text(key.tokens_per_minute())},
                {"at a time", limit_text(key.parallel())},
                {"waits for its turn", queue_text(key)},
                {"priority", key.priority() ? "yes" : ""},
                {"names tasks", key.bare_tasks() ? "without a token" : ""},
                {"ends", utc(key.expires_unix_ms())},
                {"old text until", utc(key.old_until_unix_ms())}});
}

/// The secret goes to stdout and nowhere else, and is the last line, so that a script can take it.
void show(Session& session, const std::string& what, const Result<llm_gateway::KeySecret>& made) {
  if (!made) return session.fail(what, Peer::Gateway, made.error());
  if (session.json) return session.print_json(made.value());
  print_key(session, made.value().key());
  session.err << "swarmctl: this is the only time that the key is shown" << std::endl;
  session.out << made.value().secret() << std::endl;
}

void add_create(Command keys, Session& session) {
  struct Options {
    std::vector<std::string> models;
    std::string name, team;
    std::int64_t requests = 0, tokens = 0, parallel = 0;
    bool priority = false, bare_tasks = false;
    std::chrono::milliseconds expires{0}, queue_time{0};
    std::int64_t queue_max = 0;
  };
  auto o = std::make_shared<Options>();
  const Command app = keys.command("create", "make a key; it is shown once");
  app.option("name", o->name, "letters, digits, dots, dashes, underscores; never used twice").required();
  app.option("--team", o->team, "the team that pays");
  app.option("--model", o->models, "a model that it may use; repeatable; none: all")
      .repeatable();
  app.option("--requests-per-minute", o->requests, "0: no limit").not_negative();
  app.option("--tokens-per-minute", o->tokens, "0: no limit").not_negative();
  app.option("--parallel", o->parallel, "requests at a time; 0: no limit").not_negative();
  app.duration("--queue-time", o->queue_time, "how long a request beyond these limits may wait for its turn, e.g. 10s; left out: it is refused at once");
  app.option("--queue-max", o->queue_max, "requests that may wait at a time; left out: 100").between(1, 10'000);
  app.flag("--priority", o->priority, "may use the last 5 % of a budget");
  app.flag("--bare-tasks", o->bare_tasks, "may name a task without the orchestrator's token");
  app.duration("--expires-in", o->expires, "ends by itself after this time, e.g. 720h; left out: never");
  app.action([o, &session] {
    llm_gateway::NewKey key;
    key.set_name(o->name);
    key.set_team(o->team);
    for (const auto& model : o->models) key.add_models(model);
    key.set_requests_per_minute(o->requests);
    key.set_tokens_per_minute(o->tokens);
    key.set_parallel(o->parallel);
    key.set_queue_time_ms(o->queue_time.count());
    key.set_queue_max(o->queue_max);
    key.set_priority(o->priority);
    key.set_bare_tasks(o->bare_tasks);
    if (o->expires.count() > 0) key.set_expires_unix_ms(unix_ms(session.clock.wall_now() + o->expires));
    show(session, "keys create", call(session, *connect(session), &Stub::CreateKey, key));
  });
}

void add_rotate(Command keys, Session& session) {
  struct Options {
    std::string name;
    std::chrono::milliseconds grace = std::chrono::hours(1);
  };
  auto o = std::make_shared<Options>();
  const Command app = keys.command("rotate", "a new text for the same key; it is shown once");
  app.option("name", o->name, "the key").required();
  app.duration("--grace", o->grace, "how long the old text still counts (default 1h)");
  app.action([o, &session] {
    llm_gateway::KeyRotation request;
    request.set_name(o->name);
    request.set_grace_seconds(std::chrono::duration_cast<std::chrono::seconds>(o->grace).count());
    show(session, "keys rotate", call(session, *connect(session), &Stub::RotateKey, request));
  });
}

void add_end(Command keys, Session& session) {
  struct Options {
    std::string name;
    std::chrono::milliseconds in{0};
  };
  auto o = std::make_shared<Options>();
  const Command app = keys.command("revoke", "end a key, now or later; for ever");
  app.option("name", o->name, "the key").required();
  app.duration("--in", o->in, "only after this time");
  app.action([o, &session] {
    llm_gateway::KeyEnd request;
    request.set_name(o->name);
    if (o->in.count() > 0) request.set_at_unix_ms(unix_ms(session.clock.wall_now() + o->in));
    const auto ended = call(session, *connect(session), &Stub::EndKey, request);
    if (!ended) return session.fail("keys revoke", Peer::Gateway, ended.error());
    if (session.json) session.print_json(ended.value());
    else print_key(session, ended.value());
  });
}

void list(Session& session) {
  llm_gateway::KeyList all;
  llm_gateway::KeyQuery query;
  const auto stub = connect(session);
  do {
    const auto page = call(session, *stub, &Stub::ListKeys, query);
    if (!page) return session.fail("keys list", Peer::Gateway, page.error());
    all.mutable_keys()->MergeFrom(page.value().keys());
    query.set_page_token(page.value().next_page_token());
  } while (!query.page_token().empty());
  if (session.json) return session.print_json(all);
  Table table({{"KEY"}, {"STATE"}, {"TEAM"}, {"MODELS", false, true}, {"RPM", true}, {"TPM", true}, {"ENDS"}});
  for (const auto& key : all.keys()) {
    table.add({key.name(), state_cell(key), key.team(), models_text(key), limit_text(key.requests_per_minute()),
               limit_text(key.tokens_per_minute()), key.expires_unix_ms() == 0 ? "never" : utc(key.expires_unix_ms())});
  }
  if (table.empty()) session.err << "swarmctl: no keys were made at run time; those of the gateway's configuration are not listed" << std::endl;
  else table.print(session.out, session.terminal);
}

}  // namespace

void add_keys(Command program, Session& session) {
  const Command keys = program.group("keys", "keys for callers of the model endpoint");
  keys.alias("key");
  add_create(keys, session);
  add_rotate(keys, session);
  add_end(keys, session);
  keys.command("list", "keys made at run time").action([&session] { list(session); });
}

}  // namespace swarm::ctl

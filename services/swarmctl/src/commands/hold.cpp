#include "commands/hold.hpp"

#include "call.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = orchestrator::Orchestrator::Stub;

std::string kind_name(orchestrator::HoldKind kind) {
  switch (kind) {
    case orchestrator::HOLD_AGENT: return "agent";
    case orchestrator::HOLD_ROLE: return "role";
    case orchestrator::HOLD_STACK: return "stack";
    case orchestrator::HOLD_TENANT: return "tenant";
    default: return "?";
  }
}

void set_hold(Session& session, const std::string& what, const orchestrator::HoldRequest& request) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto hold = call(session, *stub, &Stub::SetHold, request);
  if (!hold) return session.fail(what, Peer::Orchestrator, hold.error());
  if (session.json) return session.print_json(hold.value());
  session.out << kind_name(request.kind()) << ' ' << request.name() << "  " << (request.held() ? "held back" : "released") << std::endl;
}

std::shared_ptr<orchestrator::HoldRequest> add_words(Command app, bool held) {
  auto request = std::make_shared<orchestrator::HoldRequest>();
  request->set_held(held);
  request->set_by("swarmctl");
  if (held) {
    app.option("--reason", [request](const std::string& v) { request->set_reason(v); },
                                         "why, for everybody who looks");
  }
  app.option("--by", [request](const std::string& v) { request->set_by(v); }, "who decides");
  return request;
}

void add_queue_hold(Command dispatch, Session& session, const std::string& name, const std::string& help, bool held) {
  const Command app = dispatch.command(name, help);
  auto request = add_words(app, held);
  const std::pair<const char*, orchestrator::HoldKind> kinds[] = {
      {"role", orchestrator::HOLD_ROLE}, {"stack", orchestrator::HOLD_STACK}, {"tenant", orchestrator::HOLD_TENANT}};
  const Command choice = app.one_option_of("what");
  for (const auto& [word, kind] : kinds) {
    choice.option("--" + std::string(word), [request, kind = kind](const std::string& v) {
      request->set_kind(kind);
      request->set_name(v);
    }, "the work of this " + std::string(word));
  }
  app.action([request, name, &session] { set_hold(session, "dispatch " + name, *request); });
}

void list(Session& session) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto found = call(session, *stub, &Stub::ListHolds, orchestrator::ListHoldsRequest());
  if (!found) return session.fail("dispatch holds", Peer::Orchestrator, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"KIND"}, {"NAME"}, {"SINCE"}, {"BY"}, {"REASON", false, true}});
  for (const auto& hold : found.value().holds()) {
    table.add({kind_name(hold.kind()), hold.name(), utc(hold.since_unix_ms()), hold.by(), hold.reason()});
  }
  if (table.empty()) session.err << "swarmctl: nothing is held back" << std::endl;
  else table.print(session.out, session.terminal);
}

}  // namespace

void add_agent_hold(Command agents, Session& session, const std::string& name, const std::string& help, bool held) {
  const Command app = agents.command(name, help);
  auto request = add_words(app, held);
  request->set_kind(orchestrator::HOLD_AGENT);
  app.option("name", [request](const std::string& v) { request->set_name(v); }, "the agent")
      .required()
      .type("NAME");
  app.action([request, name, &session] { set_hold(session, "agents " + name, *request); });
}

void add_queue_holds(Command dispatch, Session& session) {
  add_queue_hold(dispatch, session, "pause", "give out no more work of a role, stack or tenant, also after a restart", true);
  add_queue_hold(dispatch, session, "release", "give out its work again", false);
  dispatch.command("holds", "list what is held back: agents, roles, stacks, tenants").action([&session] { list(session); });
}

}  // namespace swarm::ctl

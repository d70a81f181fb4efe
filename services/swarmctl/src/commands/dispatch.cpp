#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/hold.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = orchestrator::Orchestrator::Stub;

void print(Session& session, const std::string& what, const Result<orchestrator::DispatchState>& state) {
  if (!state) return session.fail(what, Peer::Orchestrator, state.error());
  if (session.json) return session.print_json(state.value());
  const auto& s = state.value();
  const Cell now = s.halted() ? Cell("halted", Style::Bad) : Cell("running", Style::Good);
  print_fields(session.out, session.terminal,
               {{"dispatch", now}, {"reason", s.reason()}, {"by", s.by()}, {"since", utc(s.since_unix_ms())}});
}

void add_switch(Command dispatch, Session& session, const std::string& name, const std::string& help, bool halted) {
  auto request = std::make_shared<orchestrator::DispatchRequest>();
  request->set_halted(halted);
  request->set_by("swarmctl");
  const Command app = dispatch.command(name, help);
  app.option("--reason", [request](const std::string& v) { request->set_reason(v); },
                                        "why, for everybody who looks");
  app.option("--by", [request](const std::string& v) { request->set_by(v); }, "who decides");
  app.action([request, name, &session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    print(session, "dispatch " + name, call(session, *stub, &Stub::SetDispatch, *request));
  });
}

}  // namespace

void add_dispatch(Command program, Session& session) {
  const Command dispatch = program.group("dispatch", "the kill switch: stop giving out work, and start again");
  add_switch(dispatch, session, "halt", "give out no more work, also after a restart; work in flight goes on", true);
  add_switch(dispatch, session, "resume", "give out work again", false);
  dispatch.command("status", "is work given out?").action([&session] {
    const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
    print(session, "dispatch status", call(session, *stub, &Stub::GetDispatch, orchestrator::DispatchQuery()));
  });
  add_queue_holds(dispatch, session);
}

}  // namespace swarm::ctl

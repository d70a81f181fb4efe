#include "call.hpp"
#include "commands/commands.hpp"
#include "output/printable.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::ctl {

void add_explain(Command program, Session& session) {
  auto id = std::make_shared<std::string>();
  const Command explain = program.group("explain", "why something was decided as it was");
  const Command app = explain.command("request", "which key, route, price, budget and retry decided about a model call");
  app.option("id", *id, "x-request-id of its answer").required();
  app.action([id, &session] {
    llm_gateway::ExplainQuery query;
    query.set_request_id(*id);
    const auto stub = llm_gateway::BudgetControl::NewStub(session.channel(Peer::Gateway));
    const auto told = call(session, *stub, &llm_gateway::BudgetControl::Stub::ExplainRequest, query);
    if (!told) return session.fail("explain request", Peer::Gateway, told.error());
    if (session.json) return session.print_json(told.value());
    for (const auto& sentence : told.value().sentences()) session.out << one_line(sentence) << '\n';
    session.out << std::flush;
  });
}

}  // namespace swarm::ctl

#include "call.hpp"
#include "commands/commands.hpp"
#include "output/printable.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::ctl {

void add_explain(CLI::App& program, Session& session) {
  auto id = std::make_shared<std::string>();
  CLI::App* explain = program.add_subcommand("explain", "why something was decided as it was");
  explain->require_subcommand(1);
  CLI::App* app = explain->add_subcommand("request", "which key, route, price, budget and retry decided about a model call");
  app->add_option("id", *id, "x-request-id of its answer")->required();
  app->callback([id, &session] {
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

#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/hold.hpp"
#include "commands/task_text.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

void run(Session& session) {
  const auto stub = orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator));
  const auto found =
      call(session, *stub, &orchestrator::Orchestrator::Stub::ListAgents, orchestrator::ListAgentsRequest());
  if (!found) return session.fail("agents list", Peer::Orchestrator, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"NAME"}, {"ROLES"}, {"SEEN", true}, {"DOES"}, {"CAPABILITIES", false, true}});
  for (const auto& agent : found.value().agents()) {
    const bool busy = !agent.held_task_ids().empty();
    const Cell does = busy              ? Cell(join(agent.held_task_ids()) + (agent.drained() ? " (drained)" : ""), Style::Busy)
                      : agent.drained() ? Cell("drained", Style::Bad)
                      : agent.waiting() ? Cell("waits for work", Style::Good)
                                        : Cell("-");
    table.add({agent.name(), agent.roles().empty() ? "any" : join(agent.roles()),
               duration(std::chrono::milliseconds(agent.last_seen_ms_ago())), does, join(agent.capabilities())});
  }
  if (table.empty()) session.err << "swarmctl: no agents" << std::endl;
  else table.print(session.out, session.terminal);
}

}  // namespace

void add_agents(Command program, Session& session) {
  const Command agents = program.group("agents", "agents that are connected");
  agents.command("list", "list agents and what they do").action([&session] { run(session); });
  add_agent_hold(agents, session, "drain", "have an agent finish what it has and take nothing new, also after a restart", true);
  add_agent_hold(agents, session, "undrain", "give an agent work again", false);
}

}  // namespace swarm::ctl

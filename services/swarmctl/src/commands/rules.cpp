#include "call.hpp"
#include "commands/commands.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/analyst.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = analyst::Analyst::Stub;

struct Options {
  std::string stack, role;
  std::string state = "active";
};

Result<analyst::RuleList> query(Session& session, const Options& o) {
  const auto stub = analyst::Analyst::NewStub(session.channel(Peer::Analyst));
  const std::vector<std::string> every = {"active", "proposed", "retired"};
  analyst::RuleQuery request;
  request.set_stack(o.stack);
  request.set_role(o.role);
  analyst::RuleList all;
  for (const std::string& state : o.state == "all" ? every : std::vector<std::string>{o.state}) {
    request.set_state(state);
    BOOST_OUTCOME_TRY(auto some, call(session, *stub, &Stub::GetGoldenRules, request));
    for (auto& rule : *some.mutable_rules()) *all.add_rules() = std::move(rule);
  }
  return all;
}

Cell state_cell(const std::string& state) {
  return {state, state == "active" ? Style::Good : state == "retired" ? Style::Faint : Style::Waiting};
}

std::string effect(double value) {
  const auto percent = static_cast<long>(value * 100 + (value < 0 ? -0.5 : 0.5));
  return percent == 0 ? "-" : std::to_string(percent) + "%";
}

void run(Session& session, const Options& o) {
  const auto found = query(session, o);
  if (!found) return session.fail("rules list", Peer::Analyst, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"ID"}, {"STATE"}, {"STACK"}, {"ROLE"}, {"TASKS", true}, {"FAILURES", true}, {"EFFECT", true}, {"AUTHOR"},
               {"AGE", true}, {"RULE", false, true}});
  for (const auto& rule : found.value().rules()) {
    table.add({rule.rule_id(), state_cell(rule.state()), rule.stack().empty() ? "every" : rule.stack(),
               rule.role().empty() ? "every" : rule.role(), std::to_string(rule.tasks()),
               std::to_string(rule.failures()), effect(rule.effect()), rule.author(),
               age(rule.created_unix_ms(), session.clock.wall_now()), rule.text()});
  }
  if (table.empty()) session.err << "swarmctl: no rules" << std::endl;
  else table.print(session.out, session.terminal);
}

}  // namespace

void add_rules(CLI::App& program, Session& session) {
  CLI::App* rules = program.add_subcommand("rules", "golden rules that the swarm has learnt");
  rules->require_subcommand(1);
  auto o = std::make_shared<Options>();
  CLI::App* app = rules->add_subcommand("list", "list rules");
  app->add_option("--stack", o->stack, "only of this stack");
  app->add_option("--role", o->role, "only for this role");
  app->add_option("--state", o->state, "only in this state")
      ->capture_default_str()
      ->check(CLI::IsMember({"active", "proposed", "retired", "all"}))
      ->type_name("active|proposed|retired|all");
  app->callback([o, &session] { run(session, *o); });
}

}  // namespace swarm::ctl

#include <cstdio>

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

std::string per_hundred(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", share * 100);
  return text;
}

std::string share(std::int64_t hits, std::int64_t trials) {
  return trials == 0 ? "-" : per_hundred(static_cast<double>(hits) / static_cast<double>(trials));
}

// Fewer failures of its kind per 100 attempts, with the interval; a hold-out says more than before and after.
std::string effect(const analyst::RuleEffect& seen) {
  const bool held = seen.held_attempts() > 0 && seen.given_attempts() > 0;
  const bool past = seen.before_attempts() > 0 && seen.after_attempts() > 0;
  if (!held && !past) return "-";
  const double low = held ? seen.held_low() : seen.before_low();
  const double high = held ? seen.held_high() : seen.before_high();
  return per_hundred(held ? seen.held_difference() : seen.before_difference()) + " [" + per_hundred(low) + ", " + per_hundred(high) + "]";
}

void run(Session& session, const Options& o) {
  const auto found = query(session, o);
  if (!found) return session.fail("rules list", Peer::Analyst, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"ID"}, {"STATE"}, {"STACK"}, {"ROLE"}, {"TASKS", true}, {"FAILURES", true}, {"BEFORE", true}, {"AFTER", true},
               {"FEWER", true}, {"AUTHOR"}, {"AGE", true}, {"RULE", false, true}});
  for (const auto& rule : found.value().rules()) {
    table.add({rule.rule_id(), state_cell(rule.state()), rule.stack().empty() ? "every" : rule.stack(),
               rule.role().empty() ? "every" : rule.role(), std::to_string(rule.tasks()),
               std::to_string(rule.failures()), share(rule.measured().before_failures(), rule.measured().before_attempts()),
               share(rule.measured().after_failures(), rule.measured().after_attempts()), effect(rule.measured()), rule.author(),
               age(rule.created_unix_ms(), session.clock.wall_now()), rule.text()});
  }
  if (table.empty()) session.err << "swarmctl: no rules" << std::endl;
  else table.print(session.out, session.terminal);
}

void show(Session& session, const std::string& id) {
  Options every;
  every.state = "all";
  const auto found = query(session, every);
  if (!found) return session.fail("rules show", Peer::Analyst, found.error());
  for (const auto& rule : found.value().rules()) {
    if (rule.rule_id() != id) continue;
    if (session.json) return session.print_json(rule);
    const auto& seen = rule.measured();
    const auto held = share(seen.given_failures(), seen.given_attempts()) + " of " + std::to_string(seen.given_attempts()) + " with it, " +
                      share(seen.held_failures(), seen.held_attempts()) + " of " + std::to_string(seen.held_attempts()) + " held out";
    print_fields(session.out, session.terminal,
                 {{"id", rule.rule_id()}, {"state", state_cell(rule.state())}, {"why", rule.state_reason()}, {"stack", rule.stack()},
                  {"role", rule.role()}, {"rule", rule.text()}, {"cause", rule.cause()}, {"must not match", rule.must_not_match()},
                  {"must match", rule.must_match()},
                  {"author", rule.author()}, {"failures per 100", held}, {"fewer per 100", effect(seen)},
                  {"expires", utc(rule.expires_unix_ms())}});
    Table table({{"VERSION", true}, {"AT"}, {"STATE"}, {"AUTHOR"}, {"WHY"}, {"RULE", false, true}});
    for (const auto& step : rule.history())
      table.add({std::to_string(step.version()), utc(step.at_unix_ms()), state_cell(step.state()), step.author(), step.reason(), step.text()});
    if (!table.empty()) table.print(session.out, session.terminal);
    if (!rule.schema_proposal().empty()) session.out << "\nproposed to the ontology:\n" << rule.schema_proposal() << std::flush;
    return;
  }
  session.err << "swarmctl: rules show: no rule " << id << std::endl;
  session.exit_code = 1;
}

void change(Session& session, const std::string& what, const analyst::RuleChangeRequest& request) {
  const auto stub = analyst::Analyst::NewStub(session.channel(Peer::Analyst));
  const auto changed = call(session, *stub, &Stub::ChangeRule, request);
  if (!changed) return session.fail(what, Peer::Analyst, changed.error());
  if (session.json) return session.print_json(changed.value());
  session.out << changed.value().rule_id() << "  " << changed.value().state() << std::endl;
}

void add_change(Command rules, Session& session, const std::string& name, const std::string& help, const std::string& state) {
  auto request = std::make_shared<analyst::RuleChangeRequest>();
  request->set_state(state);
  const Command app = rules.command(name, help);
  app.option("ID", [request](const std::string& v) { request->set_rule_id(v); }, "rule").required();
  app.option("--reason", [request](const std::string& v) { request->set_reason(v); }, "why, for its history");
  app.option("--text", [request](const std::string& v) { request->set_text(v); }, "another wording");
  app.option("--must-not-match", [request](const std::string& v) { request->set_must_not_match(v); },
                                        "RE2 pattern that no artefact may hold");
  app.option("--must-match", [request](const std::string& v) { request->set_must_match(v); },
                                        "RE2 pattern that one of an attempt's artefacts has to hold");
  app.flag("--no-checks", [request] { request->set_no_checks(true); }, "take its checks by machine away");
  app.action([request, name, &session] { change(session, "rules " + name, *request); });
}

}  // namespace

void add_rules(Command program, Session& session) {
  const Command rules = program.group("rules", "golden rules that the swarm has learnt");
  auto o = std::make_shared<Options>();
  const Command app = rules.command("list", "list rules");
  app.option("--stack", o->stack, "only of this stack");
  app.option("--role", o->role, "only for this role");
  app.option("--state", o->state, "only in this state")
      .shows_default()
      .one_of({"active", "proposed", "retired", "all"})
      .type("active|proposed|retired|all");
  app.action([o, &session] { run(session, *o); });
  auto id = std::make_shared<std::string>();
  const Command one = rules.command("show", "one rule with its measured effect and its history");
  one.option("ID", *id, "rule").required();
  one.action([id, &session] { show(session, *id); });
  add_change(rules, session, "approve", "let a rule hold from now on", "active");
  add_change(rules, session, "retire", "take a rule out of use; its history stays", "retired");
}

}  // namespace swarm::ctl

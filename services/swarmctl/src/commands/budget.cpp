#include <cmath>

#include "call.hpp"
#include "commands/commands.hpp"
#include "libs/settings/scalar.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = llm_gateway::BudgetControl::Stub;

std::unique_ptr<Stub> connect(Session& session) {
  return llm_gateway::BudgetControl::NewStub(session.channel(Peer::Gateway));
}

Cell state_cell(const std::string& state) {
  const Style style = state == "ok" ? Style::Good : state == "blocked" ? Style::Bad : Style::Waiting;
  return {state, style};
}

std::string limit_text(const llm_gateway::SpendReport& s) { return s.unlimited() ? "unlimited" : dollars(s.limit()); }
std::string left_text(const llm_gateway::SpendReport& s) { return s.unlimited() ? "-" : dollars(s.remaining()); }

std::string used_text(const llm_gateway::SpendReport& s) {
  if (s.unlimited() || s.limit() <= 0) return "-";
  return std::to_string(std::lround(100 * s.current_spend() / s.limit())) + "%";
}

void print_scope(Session& session, const llm_gateway::SpendReport& s) {
  print_fields(session.out, session.terminal,
               {{"scope", {s.scope(), Style::Strong}},
                {"state", state_cell(s.state())},
                {"window", s.window()},
                {"spent", dollars(s.current_spend()) + (used_text(s) == "-" ? "" : " (" + used_text(s) + ")")},
                {"reserved", dollars(s.reserved())},
                {"limit", limit_text(s)},
                {"remaining", s.unlimited() ? "" : dollars(s.remaining())},
                {"overspend at most", s.unlimited() ? "" : s.strict() ? "$0.00 (strict)" : dollars(s.overshoot_max())},
                {"unknown after a crash", s.unknown_crash() == 0 ? "" : dollars(s.unknown_crash())},
                {"requests", std::to_string(s.requests())},
                {"resets", utc(s.resets_unix_ms())},
                {"figures from", s.age_ms() == 0 ? "" : duration(std::chrono::milliseconds(s.age_ms())) + " ago"}});
}

void get(Session& session, const std::string& scope) {
  llm_gateway::Empty request;
  request.set_scope(scope);
  const auto report = call(session, *connect(session), &Stub::GetCurrentSpend, request);
  if (!report) return session.fail("budget get", Peer::Gateway, report.error());
  if (session.json) session.print_json(report.value());
  else print_scope(session, report.value());
}

void list(Session& session, const std::string& prefix) {
  llm_gateway::ScopeQuery request;
  request.set_scope_prefix(prefix);
  const auto found = call(session, *connect(session), &Stub::ListScopes, request);
  if (!found) return session.fail("budget list", Peer::Gateway, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"SCOPE"}, {"WINDOW"}, {"STATE"}, {"SPENT", true}, {"RESERVED", true}, {"LIMIT", true}, {"LEFT", true},
               {"USED", true}, {"REQUESTS", true}});
  for (const auto& s : found.value().scopes()) {
    table.add({s.scope(), s.window(), state_cell(s.state()), dollars(s.current_spend()), dollars(s.reserved()),
               limit_text(s), left_text(s), used_text(s), std::to_string(s.requests())});
  }
  if (table.empty()) session.err << "swarmctl: no such scopes" << std::endl;
  else table.print(session.out, session.terminal);
}

/// Prints what the scope is like after a change, or why there was none.
void finish(Session& session, const std::string& what, const std::string& scope,
            const Result<llm_gateway::Ack>& answer) {
  if (!answer) return session.fail(what, Peer::Gateway, answer.error());
  if (!answer.value().accepted()) {
    return session.fail(what, Peer::Gateway, {Code::FailedPrecondition, answer.value().message()});
  }
  if (session.json) return session.print_json(answer.value());
  get(session, scope);
}

void add_get(CLI::App& budget, Session& session) {
  auto scope = std::make_shared<std::string>();
  CLI::App* app = budget.add_subcommand("get", "spend and limit of one scope");
  app->add_option("scope", *scope, "global (default), team/NAME, key/NAME or task/ID");
  app->callback([scope, &session] { get(session, *scope); });
}

void add_list(CLI::App& budget, Session& session) {
  auto prefix = std::make_shared<std::string>();
  CLI::App* app = budget.add_subcommand("list", "spend and limit of all scopes");
  app->add_option("--prefix", *prefix, "only scopes that begin so, e.g. team/");
  app->callback([prefix, &session] { list(session, *prefix); });
}

void add_set(CLI::App& budget, Session& session) {
  struct Options {
    std::string limit, scope, window;
    double overshoot_max = 0;
    bool strict = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* app = budget.add_subcommand("set", "set a scope's limit");
  app->add_option("limit", o->limit, "US dollars per window, or unlimited")->required()->type_name("USD");
  app->add_option("--scope", o->scope, "global (default), team/NAME, key/NAME or task/ID");
  app->add_option("--window", o->window, "hour, day, month or total; default: the scope's");
  app->add_option("--overshoot-max", o->overshoot_max, "US dollars that may be overspent at most; default 1% of the limit")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--strict", o->strict, "never a cent over: what could cost more than is left is refused");
  app->callback([o, &session] {
    llm_gateway::LimitConfig request;
    if (o->limit == "unlimited") {
      request.set_unlimited(true);
    } else {
      const auto limit = settings::parse_number(o->limit.substr(o->limit.starts_with('$') ? 1 : 0));
      if (!limit || limit.value() < 0) throw CLI::ValidationError("limit", "must be dollars or unlimited: " + o->limit);
      request.set_limit(limit.value());
    }
    request.set_scope(o->scope);
    request.set_window(o->window);
    request.set_overshoot_max(o->overshoot_max);
    request.set_strict(o->strict);
    finish(session, "budget set", o->scope, call(session, *connect(session), &Stub::SetLimit, request));
  });
}

void add_reset(CLI::App& budget, Session& session) {
  auto scope = std::make_shared<std::string>();
  CLI::App* app = budget.add_subcommand("reset", "start the current window again at zero; the ledger keeps its history");
  app->add_option("scope", *scope, "global (default), team/NAME, key/NAME or task/ID");
  app->callback([scope, &session] {
    llm_gateway::Empty request;
    request.set_scope(*scope);
    finish(session, "budget reset", *scope, call(session, *connect(session), &Stub::ResetBudget, request));
  });
}

}  // namespace

void add_budget(CLI::App& program, Session& session) {
  CLI::App* budget = program.add_subcommand("budget", "what model calls cost and may cost");
  budget->require_subcommand(1);
  add_get(*budget, session);
  add_list(*budget, session);
  add_set(*budget, session);
  add_reset(*budget, session);
}

}  // namespace swarm::ctl

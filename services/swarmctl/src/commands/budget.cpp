#include <cmath>

#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/command.hpp"
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
                {"override", s.override_extra() == 0 ? "" : dollars(s.override_extra()) + " more until " + utc(s.override_until_unix_ms())},
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
  const auto stub = connect(session);
  llm_gateway::ScopeList found;
  do {
    const auto page = call(session, *stub, &Stub::ListScopes, request);
    if (!page) return session.fail("budget list", Peer::Gateway, page.error());
    found.mutable_scopes()->MergeFrom(page.value().scopes());
    request.set_page_token(page.value().next_page_token());
  } while (!request.page_token().empty());
  if (session.json) return session.print_json(found);
  Table table({{"SCOPE"}, {"WINDOW"}, {"STATE"}, {"SPENT", true}, {"RESERVED", true}, {"LIMIT", true}, {"LEFT", true},
               {"USED", true}, {"REQUESTS", true}});
  for (const auto& s : found.scopes()) {
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

void add_get(Command budget, Session& session) {
  auto scope = std::make_shared<std::string>();
  const Command app = budget.command("get", "spend and limit of one scope");
  app.option("scope", *scope, "global (default), team/NAME, key/NAME or task/ID");
  app.action([scope, &session] { get(session, *scope); });
}

void add_list(Command budget, Session& session) {
  auto prefix = std::make_shared<std::string>();
  const Command app = budget.command("list", "spend and limit of all scopes");
  app.option("--prefix", *prefix, "only scopes that begin so, e.g. team/");
  app.action([prefix, &session] { list(session, *prefix); });
}

void add_set(Command budget, Session& session) {
  struct Options {
    std::string limit, scope, window;
    double overshoot_max = 0;
    bool strict = false;
  };
  auto o = std::make_shared<Options>();
  const Command app = budget.command("set", "set a scope's limit");
  app.option("limit", o->limit, "US dollars per window, or unlimited").required().type("USD");
  app.option("--scope", o->scope, "global (default), team/NAME, key/NAME or task/ID");
  app.option("--window", o->window, "hour, day, month or total; default: the scope's");
  app.option("--overshoot-max", o->overshoot_max, "US dollars that may be overspent at most; default 1% of the limit")
      .not_negative();
  app.flag("--strict", o->strict, "never a cent over: what could cost more than is left is refused");
  app.action([o, &session] {
    llm_gateway::LimitConfig request;
    if (o->limit == "unlimited") {
      request.set_unlimited(true);
    } else {
      const auto limit = settings::parse_number(o->limit.substr(o->limit.starts_with('$') ? 1 : 0));
      if (!limit || limit.value() < 0) refuse("limit", "must be dollars or unlimited: " + o->limit);
      request.set_limit(limit.value());
    }
    request.set_scope(o->scope);
    request.set_window(o->window);
    request.set_overshoot_max(o->overshoot_max);
    request.set_strict(o->strict);
    finish(session, "budget set", o->scope, call(session, *connect(session), &Stub::SetLimit, request));
  });
}

void add_reset(Command budget, Session& session) {
  auto scope = std::make_shared<std::string>();
  const Command app = budget.command("reset", "start the current window again at zero; the ledger keeps its history");
  app.option("scope", *scope, "global (default), team/NAME, key/NAME or task/ID");
  app.action([scope, &session] {
    llm_gateway::Empty request;
    request.set_scope(*scope);
    finish(session, "budget reset", *scope, call(session, *connect(session), &Stub::ResetBudget, request));
  });
}

void add_try(Command budget, Session& session) {
  struct Options {
    std::string scope, window;
    double limit = 0;
    std::chrono::milliseconds since{0};
  };
  auto o = std::make_shared<Options>();
  const Command app = budget.command("try", "what a limit would have done to the requests so far; changes nothing");
  app.option("limit", o->limit, "US dollars per window").required().not_negative().type("USD");
  app.option("--scope", o->scope, "global (default), team/NAME, key/NAME or task/ID");
  app.option("--window", o->window, "hour, day, month or total; default: day, a task's total");
  app.duration("--since", o->since, "only the last of this time, e.g. 168h; left out: everything");
  app.action([o, &session] {
    llm_gateway::TrialLimit request;
    request.mutable_limit()->set_limit(o->limit);
    request.mutable_limit()->set_scope(o->scope);
    request.mutable_limit()->set_window(o->window);
    if (o->since.count() > 0) request.set_from_unix_ms(unix_ms(session.clock.wall_now() - o->since));
    const auto done = call(session, *connect(session), &Stub::TryLimit, request);
    if (!done) return session.fail("budget try", Peer::Gateway, done.error());
    if (session.json) return session.print_json(done.value());
    const auto& r = done.value();
    print_fields(session.out, session.terminal,
                 {{"requests", std::to_string(r.requests())},
                  {"refused", {std::to_string(r.refused()), r.refused() > 0 ? Style::Waiting : Style::Good}},
                  {"spent", dollars(r.spent())},
                  {"cost of the refused", r.refused() > 0 ? dollars(r.refused_cost()) : ""},
                  {"windows", std::to_string(r.windows()) + ", dry in " + std::to_string(r.windows_dry())},
                  {"first refused", utc(r.first_refused_unix_ms())},
                  {"looked at", std::to_string(r.rows()) + " rows" + (r.whole() ? "" : ", there are more: give --since")}});
  });
}

void add_override(Command budget, Session& session) {
  struct Options {
    std::string scope, reason, by;
    double extra = 0;
    std::chrono::milliseconds time = std::chrono::hours(1);
    bool end = false;
  };
  auto o = std::make_shared<Options>();
  const Command app = budget.command("override", "let a scope spend more for a while, in an emergency; audited");
  app.option("--scope", o->scope, "global (default), team/NAME, key/NAME or task/ID");
  app.option("--extra", o->extra, "US dollars on top of each limit of the scope").positive().type("USD");
  app.duration("--for", o->time, "how long, at most 24h (default 1h)");
  app.option("--reason", o->reason, "why; kept for ever").required();
  app.option("--by", o->by, "who decides, where there are no tokens");
  app.flag("--end", o->end, "end the one that is in force");
  app.action([o, &session] {
    if (!o->end && o->extra <= 0) refuse_without("--extra or --end");
    llm_gateway::OverrideRequest request;
    request.set_scope(o->scope);
    request.set_extra(o->extra);
    request.set_seconds(o->end ? 0 : std::chrono::duration_cast<std::chrono::seconds>(o->time).count());
    request.set_reason(o->reason);
    request.set_by(o->by.empty() ? "swarmctl" : o->by);
    finish(session, "budget override", o->scope, call(session, *connect(session), &Stub::OverrideBudget, request));
  });
}

}  // namespace

void add_budget(Command program, Session& session) {
  const Command budget = program.group("budget", "what model calls cost and may cost");
  add_get(budget, session);
  add_list(budget, session);
  add_set(budget, session);
  add_reset(budget, session);
  add_override(budget, session);
  add_try(budget, session);
}

}  // namespace swarm::ctl

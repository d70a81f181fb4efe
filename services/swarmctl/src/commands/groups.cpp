#include "call.hpp"
#include "commands/commands.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/analyst.grpc.pb.h"

namespace swarm::ctl {
namespace {

struct Options {
  std::string stack;
  int limit = 50;
};

Cell note(const analyst::FailureGroup& group) {
  if (group.regressed()) return {"regressed", Style::Bad};
  if (group.escalating()) return {"escalating", Style::Bad};
  return group.is_new() ? Cell("new", Style::Waiting) : Cell("-");
}

// With how many kinds were merged into it.
std::string events_of(const analyst::FailureGroup& group) {
  const auto events = std::to_string(group.events());
  return group.merged_kind_ids().empty() ? events : events + " (+" + std::to_string(group.merged_kind_ids_size()) + ")";
}

void run(Session& session, const Options& o) {
  const auto stub = analyst::Analyst::NewStub(session.channel(Peer::Analyst));
  analyst::GroupQuery request;
  request.set_stack(o.stack);
  request.set_limit(o.limit);
  const auto found = call(session, *stub, &analyst::Analyst::Stub::ListGroups, request);
  if (!found) return session.fail("groups list", Peer::Analyst, found.error());
  if (session.json) return session.print_json(found.value());
  Table table({{"KIND"}, {"STACK"}, {"ROLE"}, {"FAMILY"}, {"TASKS", true}, {"EVENTS", true}, {"SEEN", true}, {"NOTE"}, {"RULE"},
               {"CAUSE", false, true}});
  for (const auto& group : found.value().groups()) {
    table.add({group.kind_id(), group.stack(), group.role(), group.family(), std::to_string(group.tasks()),
               events_of(group), age(group.last_seen_unix_ms(), session.clock.wall_now()),
               note(group), group.rule_id().empty() ? "-" : group.rule_id(), group.cause()});
  }
  if (table.empty()) {
    session.err << "swarmctl: no failures yet" << std::endl;
    return;
  }
  table.print(session.out, session.terminal);
  const auto counted = [](std::int64_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); };
  session.err << "swarmctl: " << counted(found.value().total_events(), "failure") << " in " << counted(found.value().total_groups(), "group")
              << std::endl;
}

}  // namespace

void add_groups(Command program, Session& session) {
  const Command groups = program.group("groups", "kinds of failure that the analyst has seen");
  auto o = std::make_shared<Options>();
  const Command app = groups.command("list", "list groups of failures, largest first");
  app.option("--stack", o->stack, "only of this stack");
  app.option("--limit", o->limit, "at most so many").shows_default().between(1, 10'000);
  app.action([o, &session] { run(session, *o); });
  add_grouping(groups, session);
}

}  // namespace swarm::ctl

#include <fstream>
#include <iostream>
#include <iterator>

#include "call.hpp"
#include "commands/commands.hpp"
#include "output/format.hpp"
#include "output/printable.hpp"
#include "output/table.hpp"
#include "protos/analyst.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = analyst::Analyst::Stub;

constexpr std::size_t kLogBytesMax = 16u << 20;

void show(Session& session, const analyst::GroupingRules& rules) {
  if (session.json) return session.print_json(rules);
  Table table({{"WHAT"}, {"KIND"}, {"INTO"}, {"NAME"}, {"PATTERN"}, {"BY"}, {"AT"}, {"WHY", false, true}});
  for (const auto& rule : rules.configured())
    table.add({rule.fingerprint().empty() ? "mask" : "fingerprint", "-", rule.fingerprint().empty() ? "<*>" : rule.fingerprint(), rule.name(),
               rule.pattern(), "configuration", "-", "-"});
  for (const auto& route : rules.routes())
    table.add({route.pattern().empty() ? "merge" : "split", route.kind_id(), route.into_kind_id(), route.name().empty() ? "-" : route.name(),
               route.pattern().empty() ? "-" : route.pattern(), route.by(), utc(route.at_unix_ms()), route.reason()});
  if (table.empty()) session.err << "swarmctl: no masks, fingerprint rules, merges or splits" << std::endl;
  else table.print(session.out, session.terminal);
}

void change(Session& session, const analyst::GroupingChange& request) {
  const auto stub = analyst::Analyst::NewStub(session.channel(Peer::Analyst));
  const auto changed = call(session, *stub, &Stub::ChangeGrouping, request);
  if (!changed) return session.fail("groups " + request.action(), Peer::Analyst, changed.error());
  show(session, changed.value());
}

Command add_change(Command groups, Session& session, const std::string& action, const std::string& help,
                     const std::shared_ptr<analyst::GroupingChange>& request) {
  request->set_action(action);
  const Command app = groups.command(action, help);
  app.option("KIND", [request](const std::string& v) { request->set_kind_id(v); }, "kind of failure").required();
  app.option("--reason", [request](const std::string& v) { request->set_reason(v); }, "why, for the audit and for explanations");
  app.action([request, &session] { change(session, *request); });
  return app;
}

void explain(Session& session, const std::string& file, analyst::FailureEvent event) {
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& in = file == "-" ? std::cin : opened;
  std::string log((std::istreambuf_iterator<char>(in)), {});
  if (log.size() > kLogBytesMax) log.resize(kLogBytesMax);
  event.set_raw_log(std::move(log));
  const auto stub = analyst::Analyst::NewStub(session.channel(Peer::Analyst));
  const auto told = call(session, *stub, &Stub::ExplainGrouping, event);
  if (!told) return session.fail("groups explain", Peer::Analyst, told.error());
  if (session.json) return session.print_json(told.value());
  const auto& why = told.value();
  const auto known = why.group().events() == 0 ? std::string("nothing yet: it would be a new kind")
                                                : std::to_string(why.group().events()) + " failures of " + std::to_string(why.group().tasks()) + " tasks";
  print_fields(session.out, session.terminal,
               {{"tool", why.family()}, {"cause line", one_line(why.cause_line())}, {"masked", why.cause()}, {"kind", why.kind_id()},
                {"counts for", why.counted_kind_id()}, {"there", known}, {"place", why.place_id().empty() ? "-" : why.place_id()},
                {"rule", why.group().rule_id().empty() ? "-" : why.group().rule_id()}});
  for (const auto& step : why.steps()) session.out << "step: " << one_line(step) << '\n';
  for (const auto& line : why.lines()) session.out << "  " << one_line(line) << '\n';
  session.out << std::flush;
}

}  // namespace

void add_grouping(Command groups, Session& session) {
  auto merged = std::make_shared<analyst::GroupingChange>();
  const Command merge = add_change(groups, session, "merge", "count the failures of a kind with those of another", merged);
  merge.option("INTO", [merged](const std::string& v) { merged->set_into_kind_id(v); }, "kind that they count for").required();
  add_change(groups, session, "unmerge", "count the failures of a kind for itself again", std::make_shared<analyst::GroupingChange>());
  auto divided = std::make_shared<analyst::GroupingChange>();
  const Command split = add_change(groups, session, "split", "count those failures of a kind apart whose cause line a pattern matches", divided);
  split.option("--name", [divided](const std::string& v) { divided->set_name(v); }, "what they are called").required();
  split.option("--pattern", [divided](const std::string& v) { divided->set_pattern(v); }, "RE2 pattern").required();
  auto joined = std::make_shared<analyst::GroupingChange>();
  const Command unsplit = add_change(groups, session, "unsplit", "end a split; what it counted stays where it is", joined);
  unsplit.option("--name", [joined](const std::string& v) { joined->set_name(v); }, "of the split").required();

  const Command rules = groups.command("rules", "list masks, fingerprint rules, merges and splits");
  rules.action([&session] {
    const auto stub = analyst::Analyst::NewStub(session.channel(Peer::Analyst));
    const auto found = call(session, *stub, &Stub::ListGrouping, analyst::GroupingQuery());
    if (!found) return session.fail("groups rules", Peer::Analyst, found.error());
    show(session, found.value());
  });

  auto event = std::make_shared<analyst::FailureEvent>();
  auto file = std::make_shared<std::string>();
  const Command why = groups.command("explain", "why a log lands in its group; counts nothing");
  why.option("FILE", *file, "the log; - reads standard input").required().existing_file_or_dash();
  why.option("--stack", [event](const std::string& v) { event->set_stack(v); }, "stack of the task");
  why.option("--role", [event](const std::string& v) { event->set_role(v); }, "role of the agent");
  why.action([event, file, &session] { explain(session, *file, *event); });
}

}  // namespace swarm::ctl

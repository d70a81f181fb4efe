#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <map>

#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/command.hpp"
#include "output/format.hpp"
#include "output/table.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::ctl {
namespace {

using Stub = llm_gateway::BudgetControl::Stub;
using Values = std::vector<std::string>;

struct Options {
  Values by = {"team"};
  std::string scope, from, to;
  std::chrono::milliseconds since{0};
  bool csv = false;
};

struct Sum {
  std::int64_t nano_usd = 0;
  std::uint64_t requests = 0, input = 0, output = 0, cached = 0, estimated = 0;

  void add(const llm_gateway::SpendGroup& g) {
    nano_usd += g.nano_usd();
    requests += g.requests();
    input += g.input_tokens();
    output += g.output_tokens();
    cached += g.cached_tokens();
    estimated += g.estimated();
  }
};

/// Milliseconds since 1970 of a day written as 2026-01-31.
std::int64_t day_ms(const std::string& flag, const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0;
  const char* end = text.data() + text.size();
  const auto y = std::from_chars(text.data(), end, year);
  const auto m = y.ptr < end && *y.ptr == '-' ? std::from_chars(y.ptr + 1, end, month) : y;
  const auto d = m.ptr < end && *m.ptr == '-' ? std::from_chars(m.ptr + 1, end, day) : m;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (text.size() != 10 || d.ptr != end || !date.ok()) refuse(flag, "must be a day such as 2026-01-31: " + text);
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::sys_days(date).time_since_epoch()).count();
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string usd(std::int64_t nano) {
  std::array<char, 64> text{};
  const auto sign = nano < 0 ? "-" : "";
  const std::uint64_t n = static_cast<std::uint64_t>(nano < 0 ? -nano : nano);
  const int length = std::snprintf(text.data(), text.size(), "%s%llu.%09llu", sign, static_cast<unsigned long long>(n / 1'000'000'000),
                                   static_cast<unsigned long long>(n % 1'000'000'000));
  return std::string(text.data(), static_cast<std::size_t>(length));
}

void print_csv(Session& session, const Options& o, const std::map<Values, Sum>& sums) {
  for (const auto& field : o.by) session.out << field << ',';
  session.out << "usd,requests,input_tokens,output_tokens,cached_tokens,estimated\n";
  for (const auto& [values, sum] : sums) {
    for (const auto& value : values) session.out << csv_cell(value) << ',';
    session.out << usd(sum.nano_usd) << ',' << sum.requests << ',' << sum.input << ',' << sum.output << ',' << sum.cached << ','
                << sum.estimated << '\n';
  }
  session.out << std::flush;
}

void print_json(Session& session, const std::map<Values, Sum>& sums) {
  llm_gateway::SpendPage all;
  for (const auto& [values, sum] : sums) {
    auto& group = *all.add_groups();
    for (const auto& value : values) group.add_values(value);
    group.set_nano_usd(sum.nano_usd);
    group.set_usd(static_cast<double>(sum.nano_usd) / 1e9);
    group.set_requests(sum.requests);
    group.set_input_tokens(sum.input);
    group.set_output_tokens(sum.output);
    group.set_cached_tokens(sum.cached);
    group.set_estimated(sum.estimated);
  }
  session.print_json(all);
}

void print_table(Session& session, const Options& o, const std::map<Values, Sum>& sums) {
  std::vector<Column> columns;
  for (const auto& field : o.by) {
    std::string title = field;
    std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    columns.push_back({title});
  }
  for (const char* title : {"SPENT", "REQUESTS", "TOKENS IN", "TOKENS OUT", "CACHED"}) columns.push_back({title, true});
  Table table(columns);
  const auto row = [&](const Values& values, const Sum& sum) {
    std::vector<Cell> cells;
    for (const auto& value : values) cells.emplace_back(value.empty() ? "-" : value);
    cells.emplace_back(dollars(static_cast<double>(sum.nano_usd) / 1e9));
    for (const auto n : {sum.requests, sum.input, sum.output, sum.cached}) cells.emplace_back(std::to_string(n));
    table.add(std::move(cells));
  };
  std::vector<std::pair<Values, Sum>> sorted(sums.begin(), sums.end());
  // Days read best in their order, everything else by what it cost.
  if (std::find(o.by.begin(), o.by.end(), "day") == o.by.end()) {
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second.nano_usd > b.second.nano_usd; });
  }
  Sum total;
  for (const auto& [values, sum] : sorted) {
    row(values, sum);
    total.nano_usd += sum.nano_usd;
    total.requests += sum.requests;
    total.input += sum.input;
    total.output += sum.output;
    total.cached += sum.cached;
  }
  if (sorted.size() > 1) {
    Values name(o.by.size());
    name.front() = "total";
    row(name, total);
  }
  if (table.empty()) session.err << "swarmctl: nothing was spent" << std::endl;
  else table.print(session.out, session.terminal);
}

void run(Session& session, const Options& o) {
  llm_gateway::SpendQuery query;
  for (const auto& field : o.by) query.add_group_by(field);
  query.set_scope(o.scope);
  if (!o.from.empty()) query.set_from_unix_ms(day_ms("--from", o.from));
  if (!o.to.empty()) query.set_to_unix_ms(day_ms("--to", o.to));
  if (o.since.count() > 0) query.set_from_unix_ms(unix_ms(session.clock.wall_now() - o.since));
  const auto stub = llm_gateway::BudgetControl::NewStub(session.channel(Peer::Gateway));
  std::map<Values, Sum> sums;
  do {
    const auto page = call(session, *stub, &Stub::QuerySpend, query);
    if (!page) return session.fail("spend", Peer::Gateway, page.error());
    for (const auto& group : page.value().groups()) sums[{group.values().begin(), group.values().end()}].add(group);
    query.set_page_token(page.value().next_page_token());
  } while (!query.page_token().empty());
  if (o.csv) print_csv(session, o, sums);
  else if (session.json) print_json(session, sums);
  else print_table(session, o, sums);
}

}  // namespace

void add_spend(Command program, Session& session) {
  auto o = std::make_shared<Options>();
  const Command app = program.command("spend", "what was spent, from the gateway's durable rows");
  app.option("--by", o->by, "what to tell apart, joined by commas: team, key, task, model, upstream, day, ending (default team)")
      .repeatable()
      .comma_separated()
      .one_of({"team", "key", "task", "model", "upstream", "day", "ending"});
  app.option("--scope", o->scope, "only this scope: team/NAME, key/NAME or task/ID");
  const Option from = app.option("--from", o->from, "first day, UTC").type("YYYY-MM-DD");
  app.option("--to", o->to, "the day after the last one, UTC").type("YYYY-MM-DD");
  app.duration("--since", o->since, "only the last of this time, e.g. 24h").excludes(from);
  app.flag("--csv", o->csv, "print CSV");
  app.action([o, &session] { run(session, *o); });
}

}  // namespace swarm::ctl

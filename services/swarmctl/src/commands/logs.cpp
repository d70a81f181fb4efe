#include <boost/json.hpp>

#include <cstdio>

#include "commands/commands.hpp"
#include "commands/line_file.hpp"
#include "libs/log_templates/template_miner.hpp"
#include "output/printable.hpp"
#include "output/table.hpp"

namespace swarm::ctl {
namespace {

using log_templates::Template;
using log_templates::template_id;
using log_templates::TemplateMiner;

constexpr std::size_t kLineBytesMax = 64u << 10;

struct Options {
  std::string file;
  std::size_t limit = 50;
  bool assign = false;
};

std::string share(std::uint64_t part, std::uint64_t whole) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f%%", whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

// The standard lets a carriage return end a line, and so do half of the world's logs.
std::string_view bare(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

boost::json::object row(const Template& found) {
  return {{"id", template_id(found.text)},
          {"lines", found.lines},
          {"first_line", found.first_line + 1},
          {"template", many_lines(found.text)},
          {"sample", many_lines(found.sample)}};
}

void print_json(Session& session, const TemplateMiner& miner, const std::vector<Template>& found, std::size_t limit) {
  boost::json::array rows;
  for (std::size_t i = 0; i < found.size() && i < limit; ++i) rows.push_back(row(found[i]));
  const boost::json::object document{{"lines", miner.lines()},
                                     {"templates_found", found.size()},
                                     {"other_lines", miner.other_lines()},
                                     {"condensed", miner.condensed()},
                                     {"templates", std::move(rows)}};
  session.out << boost::json::serialize(document) << std::endl;
}

void print_table(Session& session, const TemplateMiner& miner, const std::vector<Template>& found, std::size_t limit) {
  Table table({{"ID"}, {"LINES", true}, {"SHARE", true}, {"FIRST", true}, {"TEMPLATE", false, true}});
  for (std::size_t i = 0; i < found.size() && i < limit; ++i) {
    table.add({template_id(found[i].text), std::to_string(found[i].lines), share(found[i].lines, miner.lines()),
               std::to_string(found[i].first_line + 1), found[i].text});
  }
  if (!table.empty()) table.print(session.out, session.terminal);
  session.err << "swarmctl: " << miner.lines() << " lines, " << found.size() << " templates";
  if (found.size() > limit) session.err << ", the " << limit << " largest shown (--limit)";
  if (miner.other_lines() > 0) session.err << "; " << miner.other_lines() << " lines fit none of them";
  session.err << std::endl;
}

// The second pass: which template each line belongs to.
Result<void> print_lines(Session& session, TemplateMiner& miner, const std::vector<Template>& found, const std::string& file) {
  std::vector<std::string> ids;
  for (const auto& one : found) ids.push_back(template_id(one.text));
  std::uint64_t number = 0;
  return each_line(file, kLineBytesMax, 0, [&](const Line& line) {
    const auto at = miner.find(bare(line.text));
    ++number;
    if (session.json) {
      session.out << boost::json::serialize(boost::json::object{{"LineId", number},
                                                                {"cluster", at ? ids[*at] : "other"},
                                                                {"template", at ? many_lines(found[*at].text) : ""}})
                  << '\n';
    } else {
      session.out << (at ? ids[*at] : std::string("other")) << '\t' << (at ? one_line(found[*at].text) : "") << '\n';
    }
    return session.out.good();
  });
}

void cluster(Session& session, const Options& o) {
  if (o.assign && o.file == "-") return session.refuse("logs cluster", "--assign reads the file twice, so it can't be the standard input");
  TemplateMiner miner;
  auto read = each_line(o.file, kLineBytesMax, 0, [&](const Line& line) {
    miner.add(bare(line.text));
    return true;
  });
  if (read) {
    const auto found = miner.finish();
    if (o.assign) read = print_lines(session, miner, found, o.file);
    else if (session.json) print_json(session, miner, found, o.limit);
    else print_table(session, miner, found, o.limit);
  }
  if (read) return;
  session.err << "swarmctl: logs cluster: " << read.error().message << std::endl;
  session.exit_code = 1;
}

}  // namespace

void add_logs(Command program, Session& session) {
  const Command logs = program.group("logs", "logs of any system");
  auto o = std::make_shared<Options>();
  const Command app = logs.command("cluster", "which statements printed a log, how often each; asks no service");
  app.option("FILE", o->file, "one message per line; - for the standard input").required();
  app.option("--limit", o->limit, "at most so many templates, largest first").shows_default().between(1, 1'000'000);
  app.flag("--assign", o->assign, "print instead, line by line, which template each one belongs to");
  app.action([o, &session] { cluster(session, *o); });
}

}  // namespace swarm::ctl

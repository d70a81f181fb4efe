#include <boost/json.hpp>
#include <charconv>

#include "commands/commands.hpp"
#include "libs/audit/verify.hpp"
#include "output/table.hpp"

namespace swarm::ctl {
namespace {

struct Options {
  std::string path;
  std::string known;
};

std::optional<audit::Link> parse_known(const std::string& text) {
  audit::Link link;
  const auto colon = text.find(':');
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), link.number);
  if (bad != std::errc() || colon == std::string::npos || end != text.data() + colon) return std::nullopt;
  link.hash = text.substr(colon + 1);
  if (link.hash.size() != 64) return std::nullopt;
  return link;
}

void print_json(Session& session, const audit::Report& report) {
  boost::json::array faults;
  for (const auto& fault : report.faults) faults.emplace_back(fault);
  session.out << boost::json::object{{"whole", report.whole()},
                                     {"files", report.files},
                                     {"lines", report.lines},
                                     {"oldest", report.oldest},
                                     {"newest", report.newest.number},
                                     {"hash", report.newest.hash},
                                     {"unfinished_bytes", report.unfinished_bytes},
                                     {"faults", std::move(faults)}}
              << std::endl;
}

void print_text(Session& session, const audit::Report& report) {
  const Cell verdict = report.whole() ? Cell("whole", Style::Good) : Cell("broken", Style::Bad);
  std::vector<std::pair<std::string, Cell>> fields = {{"chain", verdict},
                   {"lines", std::to_string(report.lines) + " in " + std::to_string(report.files) + " files"},
                   {"numbers", std::to_string(report.oldest) + " to " + std::to_string(report.newest.number)},
                   {"newest", std::to_string(report.newest.number) + ":" + report.newest.hash}};
  if (report.unfinished_bytes > 0) fields.push_back({"unfinished", std::to_string(report.unfinished_bytes) + " bytes at the end: a crash, or being written"});
  for (const auto& fault : report.faults) fields.push_back({"fault", Cell(fault, Style::Bad)});
  print_fields(session.out, session.terminal, fields);
}

void verify(Session& session, const Options& o) {
  std::optional<audit::Link> known;
  if (!o.known.empty()) {
    known = parse_known(o.known);
    if (!known) return session.refuse("audit verify", "--known: NUMBER:HASH is wanted, as this command and the service's log give it");
  }
  const auto report = audit::verify(o.path, known);
  if (!report) return session.refuse("audit verify", report.error().message);
  if (session.json) print_json(session, report.value());
  else print_text(session, report.value());
  if (!report.value().whole()) session.exit_code = 1;
}

}  // namespace

void add_audit(Command program, Session& session) {
  const Command audit = program.group("audit", "who did what: the services' audit logs");
  auto o = std::make_shared<Options>();
  const Command app = audit.command("verify", "is the chain of hashes whole? needs the files, not the service; exit code 1 when it isn't");
  app.option("path", o->path, "a service's data directory, the folder audit in it, or one file of that").required().type("DIR|FILE");
  app.option("--known", o->known, "a line noted elsewhere, e.g. from the service's log (seq and hash), that must be in the chain")
      .type("NUMBER:HASH");
  app.action([o, &session] { verify(session, *o); });
}

}  // namespace swarm::ctl

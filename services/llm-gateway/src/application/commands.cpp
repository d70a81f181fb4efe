#include "application/commands.hpp"

#include <algorithm>

#include "application/ledger_audit.hpp"
#include "libs/telemetry/json_line.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kDifferencesShown = 1'000;

std::string json(std::string_view text) {
  std::string out;
  log::append_json_string(out, text);
  return out;
}

CommandResult failure(const Error& error, bool as_json) {
  if (as_json) return {1, "{\"verified\":false,\"error\":" + json(error.message) + "}\n"};
  return {1, "llm-gateway: ledger verify: " + error.message + "\n"};
}

std::string as_json(const LedgerReport& report) {
  std::string out = "{\"verified\":" + std::string(report.good() ? "true" : "false") + ",\"rows\":" + std::to_string(report.rows) +
                    ",\"carried_rows\":" + std::to_string(report.carried_rows) + ",\"windows\":" + std::to_string(report.windows) + ",\"cost_nano_usd\":" + std::to_string(report.cost.nano) +
                    ",\"first\":" + json(report.rows > 0 ? log::timestamp(report.first) : "") +
                    ",\"last\":" + json(report.rows > 0 ? log::timestamp(report.last) : "") +
                    ",\"repeated\":" + std::to_string(report.repeated) +
                    ",\"difference_count\":" + std::to_string(report.differences.size()) + ",\"differences\":[";
  for (std::size_t i = 0; i < std::min(kDifferencesShown, report.differences.size()); ++i) {
    const LedgerDifference& d = report.differences[i];
    out += (i > 0 ? "," : "") + std::string("{\"scope\":") + json(d.scope) + ",\"window\":" + json(name(d.window)) +
           ",\"start\":" + json(log::timestamp(d.start)) + ",\"figure\":" + json(d.figure) + ",\"rows\":" + std::to_string(d.rows) +
           ",\"recorded\":" + std::to_string(d.recorded) + "}";
  }
  return out + "]}\n";
}

std::string as_text(const LedgerReport& report) {
  std::string out;
  for (std::size_t i = 0; i < std::min(kDifferencesShown, report.differences.size()); ++i) {
    const LedgerDifference& d = report.differences[i];
    const std::string unit = d.figure == "requests" ? "" : " nano-dollars";
    out += d.scope + " " + std::string(name(d.window)) + (d.window == WindowKind::Total ? "" : " from " + log::timestamp(d.start)) + ": " +
           std::string(d.figure) + ": its rows add up to " + std::to_string(d.rows) + unit + ", recorded are " + std::to_string(d.recorded) + "\n";
  }
  if (report.differences.size() > kDifferencesShown) {
    out += "… and " + std::to_string(report.differences.size() - kDifferencesShown) + " more\n";
  }
  if (report.repeated > 0) out += std::to_string(report.repeated) + " rows repeat a reservation that has one already\n";
  const std::string carried = report.carried_rows > 0 ? " and the sums carried of " + std::to_string(report.carried_rows) + " that are gone" : "";
  const std::string looked_at = std::to_string(report.rows) + " rows" + carried + ", " + std::to_string(report.windows) + " windows of scopes";
  return out + (report.good() ? "verified: " + looked_at + ": what is recorded as spent is the sum of the rows\n"
                              : "NOT verified: " + looked_at + ", " + std::to_string(report.differences.size()) + " differences\n");
}

CommandResult verify_ledger(const CommandTools& tools, const std::string& directory, bool json_wanted) {
  const auto store = tools.open_ledger(directory);
  if (!store) return failure(store.error(), json_wanted);
  LedgerAudit audit;
  const auto read = store.value()->rows([&](const UsageRow& row) {
    audit.add(row);
    return true;
  });
  if (!read) return failure(read.error(), json_wanted);
  const auto gone = store.value()->carried();
  if (!gone) return failure(gone.error(), json_wanted);
  audit.add(gone.value());
  const auto records = store.value()->records();
  if (!records) return failure(records.error(), json_wanted);
  const LedgerReport report = audit.finish(records.value());
  return {report.good() ? 0 : 1, json_wanted ? as_json(report) : as_text(report)};
}

CommandResult ledger(const std::vector<std::string>& arguments, const CommandTools& tools) {
  const CommandResult usage{2, "usage: llm-gateway [--config FILE] ledger verify [--data-dir DIR] [--json]\n"};
  if (arguments.size() < 2 || arguments[1] != "verify") return usage;
  std::string directory = tools.data_dir;
  bool json_wanted = false;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (arguments[i] == "--json") json_wanted = true;
    else if (arguments[i] == "--data-dir" && i + 1 < arguments.size()) directory = arguments[++i];
    else return usage;
  }
  return verify_ledger(tools, directory, json_wanted);
}

CommandResult prices(const std::vector<std::string>& arguments, const CommandTools& tools) {
  const CommandResult usage{2, "usage: llm-gateway prices import FILE --upstream NAME [MODEL | BEGINNING*]…\n"};
  if (arguments.size() < 3 || arguments[1] != "import") return usage;
  std::string upstream;
  std::vector<std::string> only;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    if (arguments[i] == "--upstream" && i + 1 < arguments.size()) upstream = arguments[++i];
    else if (arguments[i].starts_with('-')) return usage;
    else only.push_back(arguments[i]);
  }
  if (upstream.empty()) return usage;
  const auto imported = tools.import_prices(arguments[2], only, upstream);
  if (!imported) return {1, "llm-gateway: prices import: " + imported.error().message + "\n"};
  return {0, imported.value()};
}

}  // namespace

CommandResult run_command(const std::vector<std::string>& arguments, const CommandTools& tools) {
  if (arguments.front() == "ledger") return ledger(arguments, tools);
  if (arguments.front() == "prices") return prices(arguments, tools);
  return {2, "llm-gateway: unknown command " + arguments.front() + "; there are: ledger verify, prices import\n"};
}

}  // namespace swarm::gateway

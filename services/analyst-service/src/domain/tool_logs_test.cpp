#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <random>
#include <set>

#include "domain/analysis.hpp"
#include "domain/machine_check.hpp"
#include "domain/rule_check.hpp"
#include "domain/rule_template.hpp"

using namespace swarm::analyst::domain;

namespace {

struct ToolLog {
  std::string label, stack, log;
};

// A row begins with `@@@ label stack`.
void read_logs(const char* file, std::vector<ToolLog>& rows) {
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("@@@ ")) {
      const auto blank = line.rfind(' ');
      rows.push_back({line.substr(4, blank - 4), line.substr(blank + 1), {}});
    } else if (!rows.empty()) {
      rows.back().log += line + "\n";
    }
  }
}

// What Go, Java, gcc, clang, git, the shell, make, Node and npm printed on a real machine, and further messages in the
// shapes of their tools, with names in each of the usual spellings: each fault three times, with other names, numbers,
// folders and locales.
std::vector<ToolLog> tool_logs() {
  std::vector<ToolLog> rows;
  read_logs("services/analyst-service/testdata/tool_logs.txt", rows);
  read_logs("services/analyst-service/testdata/message_shapes.txt", rows);
  return rows;
}

}  // namespace

TEST_CASE("the same fault of a real tool is one kind, two faults are two", "[analysis][tools]") {
  const auto rows = tool_logs();
  REQUIRE(rows.size() > 200);
  Analyzer analyzer;
  std::map<std::string, std::set<std::string>> causes;
  std::map<Id, std::set<std::string>> labels;
  for (const auto& row : rows) {
    const auto found = analyzer.analyse({"Coder", row.stack, row.log});
    causes[row.label].insert(std::string(found.cause));
    labels[found.kind].insert(row.label);
  }
  for (const auto& [label, found] : causes) {
    INFO(label << ": " << *found.begin());
    CHECK(found.size() == 1);
  }
  for (const auto& [kind, found] : labels) {
    INFO(*found.begin() << " and " << *found.rbegin());
    CHECK(found.size() == 1);
  }
}

TEST_CASE("every fault of a real tool can become a rule that passes its own checks", "[rule][tools]") {
  Analyzer analyzer;
  for (const auto& row : tool_logs()) {
    const auto found = analyzer.analyse({"Coder", row.stack, row.log});
    const KindText kind{found.kind, "Coder", row.stack, found.family, printable(found.cause, 400), {}, {}};
    const auto text = rule_from_template(kind);
    INFO(text);
    CHECK(fault_of_rule(text, kind.cause).empty());
    CHECK(fault_of_pattern(check_for(kind.cause).empty() ? "x" : check_for(kind.cause)).empty());
  }
}

TEST_CASE("a log that anything happened to is analysed, the same way each time", "[analysis][fuzz]") {
  const auto rows = tool_logs();
  REQUIRE_FALSE(rows.empty());
  std::mt19937_64 random(20);
  Analyzer analyzer, other;
  Masker again;
  for (int round = 0; round < 20'000; ++round) {
    std::string log = rows[random() % rows.size()].log.substr(0, 1 + random() % 3'000);
    for (std::uint64_t edits = random() % 8; edits > 0; --edits) {
      const std::size_t at = random() % (log.size() + 1);
      switch (random() % 5) {
        case 0: log.insert(at, 1, static_cast<char>(random() % 256)); break;
        case 1: log.erase(at, random() % 40); break;
        case 2: log.insert(at, rows[random() % rows.size()].log.substr(0, random() % 200)); break;
        case 3: log.insert(at, "\x1b[31m"); break;
        default: log.insert(at, random() % 2 ? "\r\n" : "\0", 1); break;
      }
    }
    const auto found = analyzer.analyse({"Coder", "any", log});
    const auto same = other.analyse({"Coder", "any", log});
    REQUIRE(found.kind == same.kind);
    REQUIRE(found.place == same.place);
    REQUIRE(found.cause.size() <= Masker::kTextMax + 16);
    if (found.cause.size() >= Masker::kTextMax) continue;  // cut: the second pass may cut elsewhere
    again.clear();
    again.append(found.cause);
    const std::string once(again.text());
    again.clear();
    again.append(once);
    INFO(found.cause);
    REQUIRE(again.text() == once);
  }
}

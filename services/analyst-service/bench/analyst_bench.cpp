// Measures the analyst's pipeline.
//   analyst-bench group FILE.jsonl            {"cluster","place","family","cause"} per row, for the evaluator
//   analyst-bench templates FILE.log          {"cluster","template"} per line of a general log
//   analyst-bench speed FILE.jsonl THREADS    µs per row of decoding and of the pipeline, best of several rounds
//   analyst-bench report ADDRESS FILE.jsonl COUNT RATE    ReportFailure round trips; RATE 0: 256 in flight
//   analyst-bench oneoffs ADDRESS COUNT       COUNT failures that are all of different kinds
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "application/batch_grouping.hpp"
#include "libs/log_templates/template_miner.hpp"
#include "report_load.hpp"

namespace {

namespace domain = swarm::analyst::domain;
using swarm::analyst::application::group_batch;
using swarm::analyst::application::RowKeys;

constexpr int kRounds = 5;

struct Row {
  std::string role, stack, log;
};

std::string_view field(simdjson::dom::element row, const char* name) {
  std::string_view value;
  return row[name].get(value) == simdjson::SUCCESS ? value : std::string_view();
}

std::vector<Row> load(const char* file) {
  std::vector<Row> rows;
  simdjson::dom::parser parser;
  simdjson::dom::document_stream stream;
  auto bytes = simdjson::padded_string::load(file);
  if (bytes.error() || parser.parse_many(bytes.value(), 16 << 20).get(stream)) {
    std::fprintf(stderr, "cannot read %s\n", file);
    std::exit(1);
  }
  for (auto row : stream) {
    const auto element = row.value();
    rows.push_back({std::string(field(element, "role")), std::string(field(element, "stack")), std::string(field(element, "error_log"))});
  }
  return rows;
}

std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else {
      out += c;
    }
  }
  return out + '"';
}

int group(const char* file) {
  domain::Analyzer analyzer;
  for (const auto& row : load(file)) {
    const auto found = analyzer.analyse({row.role, row.stack, row.log});
    std::cout << "{\"cluster\":\"" << text(found.kind) << "\",\"place\":\"" << text(found.place.empty() ? found.kind : found.place)
              << "\",\"family\":\"" << name(found.family) << "\",\"cause\":" << json(found.cause) << "}\n";
  }
  return 0;
}

int templates(const char* file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  swarm::log_templates::TemplateMiner miner;
  const auto each_line = [&text](auto visit) {
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      visit(std::string_view(text).substr(at, end - at));
      at = end + 1;
    }
  };
  const auto start = std::chrono::steady_clock::now();
  each_line([&](std::string_view line) { miner.add(line); });
  const auto found = miner.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::fprintf(stderr, "%.0f lines/s\n", static_cast<double>(miner.lines()) / seconds);
  each_line([&](std::string_view line) {
    const auto at = miner.find(line);
    std::cout << "{\"cluster\":\"" << (at ? std::to_string(*at) : "other") << "\",\"template\":" << json(at ? found[*at].text : "") << "}\n";
  });
  return 0;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int speed(const char* file, int threads) {
  const auto decode_start = std::chrono::steady_clock::now();
  const auto rows = load(file);
  const double decode = seconds_since(decode_start);
  std::vector<domain::FailureText> texts;
  for (const auto& row : rows) texts.push_back({row.role, row.stack, row.log});
  std::vector<RowKeys> keys(rows.size());
  double best = 1e9, best_cpu = 1e9;
  std::size_t groups = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const auto cpu_start = std::clock();
    groups = group_batch(texts, keys, threads).size();
    best = std::min(best, seconds_since(start));
    best_cpu = std::min(best_cpu, static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  const auto per_row = 1e6 / static_cast<double>(rows.size());
  std::printf("{\"rows\":%zu,\"groups\":%zu,\"decode_us\":%.4f,\"pipeline_us\":%.4f,\"cpu_us\":%.4f}\n", rows.size(), groups,
              decode * per_row, best * per_row, best_cpu * per_row);
  return 0;
}

int report(const std::string& address, std::vector<std::string> logs, std::uint64_t count, double rate) {
  const auto done = swarm::analyst::bench::send_reports({address, std::move(logs), count, rate, 256});
  std::printf("{\"count\":%llu,\"failed\":%llu,\"seconds\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(done.failed), done.seconds, done.p50_ms, done.p99_ms);
  return done.failed == 0 ? 0 : 1;
}

std::vector<std::string> logs_of(const char* file) {
  std::vector<std::string> logs;
  for (auto& row : load(file)) logs.push_back(std::move(row.log));
  return logs;
}

// Letters only: digits would be masked.
std::vector<std::string> distinct_logs(std::uint64_t count) {
  std::vector<std::string> logs;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string word;
    for (std::uint64_t n = i + 26 * 26 * 26; n > 0; n /= 26) word += static_cast<char>('a' + n % 26);
    logs.push_back("RuntimeError: the " + word + " gave way");
  }
  return logs;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (argc == 3 && mode == "group") return group(argv[2]);
  if (argc == 3 && mode == "templates") return templates(argv[2]);
  if (argc == 4 && mode == "speed") return speed(argv[2], std::atoi(argv[3]));
  if (argc == 6 && mode == "report") return report(argv[2], logs_of(argv[3]), std::strtoull(argv[4], nullptr, 10), std::atof(argv[5]));
  if (argc == 4 && mode == "oneoffs") return report(argv[2], distinct_logs(std::strtoull(argv[3], nullptr, 10)), std::strtoull(argv[3], nullptr, 10), 0);
  std::fprintf(stderr, "usage: analyst-bench group FILE | templates FILE | speed FILE THREADS | report ADDRESS FILE COUNT RATE | oneoffs ADDRESS COUNT\n");
  return 2;
}

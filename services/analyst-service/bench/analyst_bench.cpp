// Measures the analyst's pipeline.
//   analyst-bench group FILE.jsonl            {"cluster","place","family","cause"} per row, for the evaluator
//   analyst-bench speed FILE.jsonl THREADS    µs per row of decoding and of the pipeline, best of several rounds
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "application/batch_grouping.hpp"

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
  double best = 1e9;
  std::size_t groups = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    groups = group_batch(texts, keys, threads).size();
    best = std::min(best, seconds_since(start));
  }
  const auto per_row = 1e6 / static_cast<double>(rows.size());
  std::printf("{\"rows\":%zu,\"groups\":%zu,\"decode_us\":%.4f,\"pipeline_us\":%.4f}\n", rows.size(), groups, decode * per_row, best * per_row);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (argc == 3 && mode == "group") return group(argv[2]);
  if (argc == 4 && mode == "speed") return speed(argv[2], std::atoi(argv[3]));
  std::fprintf(stderr, "usage: analyst-bench group FILE.jsonl | speed FILE.jsonl THREADS\n");
  return 2;
}

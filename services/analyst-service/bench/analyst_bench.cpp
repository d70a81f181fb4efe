// Measures the analyst's pipeline. Modes:
//   group FILE.jsonl   one row {"kind","place","family","cause"} per input row, for the evaluator
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "domain/analysis.hpp"

namespace {

namespace domain = swarm::analyst::domain;

std::string_view field(simdjson::dom::element row, const char* name) {
  std::string_view value;
  return row[name].get(value) == simdjson::SUCCESS ? value : std::string_view();
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
  simdjson::dom::parser parser;
  simdjson::dom::document_stream rows;
  auto bytes = simdjson::padded_string::load(file);
  if (bytes.error() || parser.parse_many(bytes.value(), 64 << 20).get(rows)) {
    std::fprintf(stderr, "cannot read %s\n", file);
    return 1;
  }
  domain::Analyzer analyzer;
  for (auto row : rows) {
    const auto element = row.value();
    const auto result = analyzer.analyse({field(element, "role"), field(element, "stack"), field(element, "error_log")});
    const auto place = result.place.empty() ? result.kind : result.place;
    std::cout << "{\"cluster\":\"" << text(result.kind) << "\",\"place\":\"" << text(place) << "\",\"family\":\""
              << name(result.family) << "\",\"cause\":" << json(result.cause) << "}\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "group") return group(argv[2]);
  std::fprintf(stderr, "usage: analyst-bench group FILE.jsonl\n");
  return 2;
}

#include "adapters/jsonl/usage_files.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "libs/testing/temp_dir.hpp"

namespace swarm::gateway {
namespace {

std::vector<NumberedRow> rows(std::uint64_t first, std::uint64_t count) {
  std::vector<NumberedRow> made;
  for (std::uint64_t i = 0; i < count; ++i) {
    NumberedRow& row = made.emplace_back();
    row.number = first + i;
    row.row.request_id = "r" + std::to_string(row.number);
    row.row.key = "a\"b\n";
    row.row.usage.input = 3;
    row.row.settlement.cost = Money{4'500};
  }
  return made;
}

std::string all(const testing::TempDir& dir) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::ostringstream text;
  for (const auto& path : paths) text << std::ifstream(path).rdbuf();
  return text.str();
}

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

struct Fixture {
  testing::TempDir dir;
  UsageFiles files(std::uint64_t file_bytes = 64 << 20, std::uint64_t bytes = 1 << 30) {
    return UsageFiles({dir.path(), file_bytes, bytes, std::chrono::hours(24)});
  }
};

TEST_CASE_METHOD(Fixture, "a line says what was used and paid, in JSON", "[usage-log]") {
  const std::string line = usage_line(rows(7, 1)[0]);
  REQUIRE(line.starts_with("{\"seq\":7,\"ts\":\"1970-"));
  REQUIRE(line.find("\"key\":\"a\\\"b\\n\"") != std::string::npos);
  REQUIRE(line.find("\"input_tokens\":3") != std::string::npos);
  REQUIRE(line.ends_with("\"nano_usd\":4500}"));
}

TEST_CASE_METHOD(Fixture, "the log goes on where it stopped, and the first time behind what there is", "[usage-log]") {
  REQUIRE(files().last(41).value() == 41);
  REQUIRE(files().last(99).value() == 41);
  {
    auto log = files();
    REQUIRE(log.last(99).value() == 41);
    REQUIRE(log.write(rows(42, 3)).has_value());
  }
  REQUIRE(files().last(99).value() == 44);
  REQUIRE(lines(all(dir)) == 3);
}

TEST_CASE_METHOD(Fixture, "a torn end is cut off, wherever it was torn", "[usage-log]") {
  {
    auto log = files();
    REQUIRE(log.last(0).has_value());
    REQUIRE(log.write(rows(1, 2)).has_value());
  }
  const auto path = std::filesystem::directory_iterator(dir.path())->path();
  const std::string whole = all(dir);
  const std::size_t second = whole.find('\n') + 1;
  for (std::size_t cut = 0; cut < whole.size(); cut += 7) {
    std::ofstream(path, std::ios::trunc) << whole.substr(0, cut);
    auto log = files();
    const auto last = log.last(99).value();
    REQUIRE(last == (cut >= second ? 1 : 0));
    REQUIRE(log.write(rows(last + 1, 2 - last)).has_value());
    REQUIRE(all(dir) == whole);
  }
  std::ofstream(path, std::ios::app) << "nonsense\nmore\n";
  REQUIRE(files().last(99).value() == 2);
  REQUIRE(all(dir) == whole);
}

TEST_CASE_METHOD(Fixture, "files are rotated and the oldest dropped, never the one that is written", "[usage-log]") {
  auto log = files(500, 2'000);
  REQUIRE(log.last(0).has_value());
  for (std::uint64_t i = 1; i <= 200; ++i) REQUIRE(log.write(rows(i, 1)).has_value());
  const std::string text = all(dir);
  REQUIRE(text.size() <= 3'000);
  REQUIRE(text.find("\"seq\":200,") != std::string::npos);
  REQUIRE(text.find("\"seq\":1,") == std::string::npos);
  REQUIRE(files(500, 2'000).last(999).value() == 200);
}

TEST_CASE_METHOD(Fixture, "a folder that can't be made is said", "[usage-log]") {
  std::ofstream(dir.path() / "file") << "x";
  UsageFiles log({dir.path() / "file" / "below"});
  REQUIRE(log.last(0).error().code == Code::Unavailable);
}

TEST_CASE_METHOD(Fixture, "what has been kept for long enough goes, also when nothing more is written", "[usage-log]") {
  UsageFiles log({dir.path(), 64 << 20, 1 << 30, std::chrono::hours(1)});
  REQUIRE(log.last(0).has_value());
  REQUIRE(log.write(rows(1, 3)).has_value());
  log.tidy();
  REQUIRE(lines(all(dir)) == 3);
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    std::filesystem::last_write_time(entry.path(), std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  }
  log.tidy();
  REQUIRE(lines(all(dir)) == 0);
  REQUIRE(log.write(rows(4, 1)).has_value());
  REQUIRE(all(dir).starts_with("{\"seq\":4,"));
  UsageFiles again({dir.path(), 64 << 20, 1 << 30, std::chrono::hours(1)});
  REQUIRE(again.last(99).value() == 4);
}

}  // namespace
}  // namespace swarm::gateway

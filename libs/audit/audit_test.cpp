#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "libs/audit/files.hpp"
#include "libs/audit/log.hpp"
#include "libs/audit/verify.hpp"
#include "libs/testing/fake_clock.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  testing::TempDir temp;
  testing::FakeClock clock;
  fs::path directory = temp.path() / "audit";

  std::unique_ptr<audit::Log> open(std::uint64_t file_bytes_max = 8 << 20, unsigned files_max = 16) {
    auto log = audit::Log::open({directory, file_bytes_max, files_max}, "test", clock);
    REQUIRE(log);
    return std::move(log.value());
  }
  void write(audit::Log& log, int lines) {
    for (int i = 0; i < lines; ++i) {
      REQUIRE(log.append("action", {{"actor", "ann"}, {"method", "/a.B/C"}, {"request", "x: " + std::to_string(i)}}, audit::Durability::OnDisk));
    }
  }
  audit::Report verified(const std::optional<audit::Link>& known = std::nullopt) {
    auto report = audit::verify(directory, known);
    REQUIRE(report);
    return std::move(report.value());
  }
  fs::path file(std::size_t index) { return audit::files_of(directory).value().at(index).path; }
  std::vector<std::string> lines(const fs::path& path) {
    std::vector<std::string> all;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  void rewrite(const fs::path& path, const std::vector<std::string>& all) {
    std::ofstream out(path);
    for (const auto& line : all) out << line << '\n';
  }
  void append_raw(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::app) << bytes; }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a chain that nobody touched is whole, over restarts", "[audit]") {
  for (int start = 0; start < 3; ++start) {
    const auto log = open();
    write(*log, 4);
  }
  const auto report = verified();
  CHECK(report.faults == std::vector<std::string>{});
  CHECK(report.lines == 15);
  CHECK(report.oldest == 1);
  CHECK(report.newest.number == 15);
  CHECK(report.unfinished_bytes == 0);
}

TEST_CASE_METHOD(Fixture, "whatever a value holds, its line stays one line of JSON", "[audit]") {
  const auto log = open();
  const std::string evil = "\",\"prev\":\"0000\n{\"seq\":9\x01\xff\",\"hash\":\"";
  REQUIRE(log->append("denied", {{"actor", evil}, {"request", std::string(100'000, 'x')}}, audit::Durability::OnDisk));
  CHECK(verified().whole());
  CHECK(lines(file(0)).size() == 2);
  CHECK(lines(file(0)).back().size() < 5000);
}

TEST_CASE_METHOD(Fixture, "every kind of tampering is found, and where", "[audit]") {
  std::optional<audit::Link> known;
  {
    const auto log = open();
    write(*log, 9);
    known = log->newest();
  }
  const auto path = file(0);
  auto all = lines(path);
  REQUIRE(all.size() == 10);
  const auto faults_of = [&](const std::vector<std::string>& changed) {
    rewrite(path, changed);
    std::string text;
    for (const auto& fault : verified().faults) text += fault + "\n";
    return text;
  };
  SECTION("a changed byte") {
    auto changed = all;
    changed[4].replace(changed[4].find("ann"), 3, "bob");
    CHECK_THAT(faults_of(changed), Catch::Contains(":5 was changed"));
  }
  SECTION("a line taken out") {
    auto changed = all;
    changed.erase(changed.begin() + 4);
    CHECK_THAT(faults_of(changed), Catch::Contains(":5 has number 6 after 4"));
  }
  SECTION("two lines exchanged") {
    auto changed = all;
    std::swap(changed[3], changed[4]);
    CHECK_THAT(faults_of(changed), Catch::Contains(":4 has number 5 after 3"));
  }
  SECTION("a line made anew, with a hash that fits it") {
    auto changed = all;
    changed[4] = audit::make_line(audit::place_of(all[3])->link, clock.wall_now(), "action", {{"actor", "bob"}});
    CHECK_THAT(faults_of(changed), Catch::Contains(":6 does not follow the line before it"));
  }
  SECTION("the end cut off at a line's end") {
    auto changed = all;
    changed.resize(7);
    CHECK_THAT(faults_of(changed), Catch::Contains("lines 8 to 10 are missing at the end"));
    // The service goes on after it, and the gap stays to be found.
    {
      const auto log = open();
      write(*log, 1);
    }
    const auto report = verified();
    CHECK_FALSE(report.whole());
    CHECK(report.newest.number == 12);
  }
  SECTION("the end cut off, and the head with it: only a place noted elsewhere tells") {
    auto changed = all;
    changed.resize(7);
    fs::remove(directory / "head");
    CHECK(faults_of(changed).empty());
    CHECK(verified(known).faults == std::vector<std::string>{"line 10, which is known from elsewhere, is not there"});
  }
  SECTION("the whole chain made anew: only a place noted elsewhere tells") {
    audit::Link link;
    for (auto& line : all) {
      line = audit::make_line(link, clock.wall_now(), "action", {{"actor", "bob"}});
      link = audit::place_of(line)->link;
    }
    rewrite(path, all);
    fs::remove(directory / "head");
    CHECK(verified().whole());
    CHECK_FALSE(verified(known).whole());
  }
}

TEST_CASE_METHOD(Fixture, "an unfinished last line is a crash, not tampering; elsewhere it is", "[audit]") {
  {
    const auto log = open();
    write(*log, 3);
  }
  const auto torn = lines(file(0)).back().substr(0, 40);
  append_raw(file(0), torn);
  const auto report = verified();
  CHECK(report.whole());
  CHECK(report.unfinished_bytes == 40);
  {
    const auto log = open();
    write(*log, 1);
  }
  const auto after = verified();
  CHECK(after.whole());
  CHECK(after.lines == 6);
  CHECK_THAT(lines(file(0))[4], Catch::Contains("\"found\":\"40 bytes of an unfinished line were cut off\""));
  append_raw(file(0), torn + "\n");
  CHECK_FALSE(verified().whole());
}

TEST_CASE_METHOD(Fixture, "rotation bounds the log and keeps the chain", "[audit]") {
  {
    const auto log = open(1000, 3);
    write(*log, 50);
  }
  auto report = verified();
  CHECK(report.faults == std::vector<std::string>{});
  CHECK(report.files == 3);
  CHECK(report.oldest > 1);
  CHECK(report.newest.number == 51);
  SECTION("one file for itself is whole as well") { CHECK(audit::verify(file(1)).value().whole()); }
  SECTION("the data directory does for the folder in it") {
    const auto found = audit::verify(directory.parent_path()).value();
    CHECK(found.whole());
    CHECK(found.files == report.files);
  }
  SECTION("a file taken out of the middle is noticed") {
    fs::remove(file(1));
    CHECK_FALSE(verified().whole());
  }
  SECTION("the oldest file taken away is noticed") {
    fs::remove(file(0));
    CHECK_THAT(verified().faults.at(0), Catch::Contains("are missing at the beginning"));
  }
  SECTION("a crash right after a rotation loses nothing") {
    std::ofstream(directory / audit::file_name(52)).close();
    {
      const auto log = open(1000, 3);
      write(*log, 2);
    }
    report = verified();
    CHECK(report.faults == std::vector<std::string>{});
    CHECK(report.newest.number == 54);
  }
}

TEST_CASE_METHOD(Fixture, "a killed writer leaves a whole chain with all that it was told is there", "[audit][process]") {
  for (int round = 0; round < 5; ++round) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto log = audit::Log::open({directory, 4000, 4}, "test", clock);
      for (;;) {
        const auto link = log.value()->append("action", {{"actor", "ann"}}, audit::Durability::OnDisk);
        if (!link || ::write(pipe_ends[1], &link.value().number, sizeof link.value().number) < 0) ::_exit(1);
      }
    }
    std::uint64_t acknowledged = 0;
    for (int i = 0; i < 20 + round * 7; ++i) REQUIRE(::read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    const auto report = verified();
    CHECK(report.faults == std::vector<std::string>{});
    CHECK(report.newest.number >= acknowledged);
  }
}

TEST_CASE_METHOD(Fixture, "a full disk refuses the line, leaves nothing of it, and is forgotten when there is room again", "[audit][process]") {
  const pid_t child = ::fork();
  if (child == 0) {
    // A limit on the size of files stands for the full disk. In a child, as it holds for the whole process.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{900, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto log = audit::Log::open({directory, 8 << 20, 16}, "test", clock);
    int written = 0;
    while (const auto link = log.value()->append("action", {{"actor", "ann"}}, audit::Durability::OnDisk)) ++written;
    const auto refused = log.value()->append("action", {{"actor", "ann"}}, audit::Durability::OnDisk);
    const bool told = !refused && refused.error().code == Code::ResourceExhausted;
    const bool whole = audit::verify(directory).value().whole() && audit::verify(directory).value().unfinished_bytes == 0;
    const rlimit more{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &more);
    const bool again = static_cast<bool>(log.value()->append("action", {{"actor", "ann"}}, audit::Durability::OnDisk));
    ::_exit(written > 1 && told && whole && again ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(verified().whole());
}

TEST_CASE_METHOD(Fixture, "a place that is no log is told as such", "[audit]") {
  CHECK(audit::verify(temp.path() / "nothing").error().code == Code::NotFound);
  CHECK(audit::verify(temp.path()).error().code == Code::NotFound);
  std::ofstream(temp.path() / "a.txt") << "x";
  CHECK(audit::verify(temp.path() / "a.txt").error().code == Code::NotFound);
}

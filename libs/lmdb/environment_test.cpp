#include "libs/lmdb/environment.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <thread>

#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using swarm::testing::TempDir;
namespace fs = std::filesystem;

namespace {

lmdb::Options options_for(const fs::path& directory) {
  lmdb::Options options;
  options.directory = directory;
  options.identity = {"store-test", 3};
  options.map_bytes = 256u << 20;
  return options;
}

std::unique_ptr<lmdb::Environment> open_ok(const lmdb::Options& options) {
  auto env = lmdb::Environment::open(options);
  if (!env) FAIL(env.error().message);
  return std::move(env.value());
}

Error open_error(const lmdb::Options& options) {
  auto env = lmdb::Environment::open(options);
  REQUIRE_FALSE(env);
  return env.error();
}

void put_one(lmdb::Environment& env, lmdb::Table table, std::string_view key, std::string_view value) {
  auto txn = env.write();
  REQUIRE(txn);
  REQUIRE(txn.value().put(table, key, value));
  REQUIRE(txn.value().commit());
}

std::optional<std::string> get_one(lmdb::Environment& env, lmdb::Table table, std::string_view key) {
  auto txn = env.read();
  REQUIRE(txn);
  auto value = txn.value().get(table, key);
  REQUIRE(value);
  if (!value.value()) return std::nullopt;
  return std::string(*value.value());
}

/// Runs `body` in a forked child, which ends with its answer.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void fill(const fs::path& directory, int records) {
  auto env = open_ok(options_for(directory));
  const auto table = env->table("t").value();
  auto txn = env->write();
  for (int i = 0; i < records; ++i) REQUIRE(txn.value().put(table, lmdb::key_u64(static_cast<std::uint64_t>(i)), std::string(200, 'v')));
  REQUIRE(txn.value().commit());
}

void overwrite(const fs::path& file, std::uint64_t at, const std::string& bytes) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(at));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("records survive a restart, in key order", "[lmdb]") {
  TempDir dir;
  {
    auto env = open_ok(options_for(dir.path()));
    const auto table = env->table("tasks").value();
    put_one(*env, table, "b", "2");
    put_one(*env, table, "a", "1");
    put_one(*env, table, "c", "");
  }
  auto env = open_ok(options_for(dir.path()));
  CHECK_FALSE(env->was_unclean());
  const auto table = env->table("tasks").value();
  auto txn = env->read();
  std::string seen;
  const auto note = [&](std::string_view key, std::string_view value) {
    seen.append(key).append("=").append(value).append(" ");
    return true;
  };
  REQUIRE(txn.value().scan(table, "", note));
  CHECK(seen == "a=1 b=2 c= ");
  seen.clear();
  REQUIRE(txn.value().scan(table, "aa", note));
  CHECK(seen == "b=2 c= ");
  seen.clear();
  REQUIRE(txn.value().scan_reverse(table, "", note));
  CHECK(seen == "c= b=2 a=1 ");
  seen.clear();
  REQUIRE(txn.value().scan_reverse(table, "b", note));
  CHECK(seen == "a=1 ");
  seen.clear();
  REQUIRE(txn.value().scan_reverse(table, "zz", note));
  CHECK(seen == "c= b=2 a=1 ");
  REQUIRE(txn.value().scan_reverse(table, "a", [](auto, auto) { FAIL("nothing is below a"); return true; }));
  CHECK(txn.value().count(table).value() == 3);
}

TEST_CASE("a scan ends when its visitor has seen enough", "[lmdb]") {
  TempDir dir;
  fill(dir.path(), 10);
  auto env = open_ok(options_for(dir.path()));
  const auto table = env->table("t").value();
  int seen = 0;
  auto txn = env->read();
  REQUIRE(txn.value().scan(table, lmdb::key_u64(4), [&](auto, auto) { return ++seen < 3; }));
  CHECK(seen == 3);
}

TEST_CASE("a transaction that is dropped changes nothing", "[lmdb]") {
  TempDir dir;
  auto env = open_ok(options_for(dir.path()));
  const auto table = env->table("t").value();
  put_one(*env, table, "k", "old");
  {
    auto txn = env->write();
    REQUIRE(txn.value().put(table, "k", "new"));
    CHECK(txn.value().get(table, "k").value() == "new");
    REQUIRE(txn.value().erase(table, "absent"));
  }
  CHECK(get_one(*env, table, "k") == "old");
}

TEST_CASE("a snapshot does not see later commits", "[lmdb]") {
  TempDir dir;
  auto env = open_ok(options_for(dir.path()));
  const auto table = env->table("t").value();
  put_one(*env, table, "k", "1");
  auto snapshot = env->read();
  put_one(*env, table, "k", "2");
  CHECK(snapshot.value().get(table, "k").value() == "1");
  CHECK(get_one(*env, table, "k") == "2");
}

TEST_CASE("many threads read while one writes", "[lmdb]") {
  TempDir dir;
  auto env = open_ok(options_for(dir.path()));
  const auto table = env->table("t").value();
  put_one(*env, table, "k", "0");
  std::atomic<bool> stop{false};
  std::atomic<int> backwards{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int last = 0; !stop;) {
        auto txn = env->read();
        const int now = std::stoi(std::string(*txn.value().get(table, "k").value()));
        // By one it may: a reader that is held up between taking its place and copying the meta page gets the commit that is
        // just being made, and the next one the commit before (mdb_txn_renew0 of LMDB 0.9.24).
        if (now < last - 1) ++backwards;
        last = now;
      }
    });
  }
  for (int i = 1; i <= 50; ++i) put_one(*env, table, "k", std::to_string(i));
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(backwards == 0);
}

TEST_CASE("appended records come last and fill their pages", "[lmdb]") {
  TempDir dir;
  auto env = open_ok(options_for(dir.path()));
  const auto put = env->table("put").value();
  const auto appended = env->table("appended").value();
  const std::string value(200, 'v');
  const auto pages_after = [&](auto&& write) {
    const auto before = env->bytes_used();
    auto txn = env->write();
    for (std::uint64_t i = 1; i <= 5'000; ++i) REQUIRE(write(txn.value(), lmdb::key_u64(i)));
    REQUIRE(txn.value().commit());
    return env->bytes_used() - before;
  };
  const auto loose = pages_after([&](auto& txn, const std::string& key) { return txn.put(put, key, value); });
  const auto dense = pages_after([&](auto& txn, const std::string& key) { return txn.append(appended, key, value); });
  CHECK(dense < loose);
  auto txn = env->write();
  for (const std::uint64_t taken : {1u, 5'000u}) CHECK(txn.value().append(appended, lmdb::key_u64(taken), value).error().code == Code::FailedPrecondition);
  CHECK(txn.value().append(appended, lmdb::key_u64(5'001), "last"));
  CHECK(txn.value().get(appended, lmdb::key_u64(5'001)).value() == "last");
  CHECK(txn.value().count(appended).value() == 5'001);
}

TEST_CASE("a key that LMDB can't hold is refused", "[lmdb]") {
  TempDir dir;
  auto env = open_ok(options_for(dir.path()));
  const auto table = env->table("t").value();
  auto txn = env->write();
  CHECK(txn.value().put(table, std::string(512, 'k'), "v").error().code == Code::InvalidArgument);
  CHECK(txn.value().put(table, "", "v").error().code == Code::InvalidArgument);
  CHECK(txn.value().put(table, std::string(511, 'k'), "v"));
  CHECK(txn.value().get(table, "").error().code == Code::InvalidArgument);
}

TEST_CASE("keys of numbers sort by number", "[lmdb]") {
  CHECK(lmdb::key_u64(255) < lmdb::key_u64(256));
  CHECK(lmdb::key_u64(0x7fffffffffffffff) < lmdb::key_u64(0x8000000000000000));
  CHECK(lmdb::u64_of_key(lmdb::key_u64(0x0123456789abcdef)) == 0x0123456789abcdef);
}

TEST_CASE("a second process is told who has the directory", "[lmdb][lock]") {
  TempDir dir;
  auto env = open_ok(options_for(dir.path()));
  const auto holder = std::to_string(::getpid());
  CHECK(in_child([&] {
          auto other = lmdb::Environment::open(options_for(dir.path()));
          if (other) return 1;
          if (other.error().code != Code::FailedPrecondition) return 2;
          return other.error().message.find("in use by process " + holder) == std::string::npos ? 3 : 0;
        }) == 0);
  env.reset();
  CHECK(lmdb::Environment::open(options_for(dir.path())));
}

TEST_CASE("the data of another service, or of a newer version, is refused", "[lmdb][identity]") {
  TempDir dir;
  fill(dir.path(), 1);
  auto foreign = options_for(dir.path());
  foreign.identity.service = "other";
  CHECK(open_error(foreign).code == Code::FailedPrecondition);
  CHECK(open_error(foreign).message.find("belongs to store-test, not to other") != std::string::npos);
  auto older_program = options_for(dir.path());
  older_program.identity.format = 2;
  CHECK(open_error(older_program).message.find("has format 3, this program knows up to 2") != std::string::npos);
  auto newer_program = options_for(dir.path());
  newer_program.identity.format = 4;
  CHECK(lmdb::Environment::open(newer_program));
}

TEST_CASE("the folder of another service's stores is refused, one's own is not", "[lmdb][identity]") {
  TempDir dir;
  fill(dir.path() / "store", 1);
  auto other = options_for(dir.path());
  other.identity.service = "other-service";
  CHECK(open_error(other).message.find("belongs to store-test") != std::string::npos);
  other.directory = dir.path() / "store" / "outbox";
  CHECK(open_error(other).message.find("belongs to store-test") != std::string::npos);
  auto own = options_for(dir.path() / "store" / "outbox");
  own.identity.service = "store-outbox";
  CHECK(lmdb::Environment::open(own));
  own.directory = dir.path();
  CHECK(lmdb::Environment::open(own));
}

TEST_CASE("an LMDB store that we did not make is left alone", "[lmdb][identity]") {
  TempDir dir;
  fill(dir.path(), 1);
  fs::remove(dir.path() / "identity");
  CHECK(open_error(options_for(dir.path())).code == Code::FailedPrecondition);
}

TEST_CASE("a crash is noticed at the next start, a clean stop is not", "[lmdb][recovery]") {
  TempDir dir;
  fill(dir.path(), 100);
  CHECK_FALSE(open_ok(options_for(dir.path()))->was_unclean());
  CHECK(in_child([&]() -> int {
          auto env = lmdb::Environment::open(options_for(dir.path()));
          ::_exit(env ? 0 : 1);
        }) == 0);
  CHECK(open_ok(options_for(dir.path()))->was_unclean());
  CHECK_FALSE(open_ok(options_for(dir.path()))->was_unclean());
}

TEST_CASE("damage at any place of the file is a message, never a crash", "[lmdb][recovery]") {
  TempDir dir;
  fill(dir.path(), 2000);
  const auto file = dir.path() / "data.mdb";
  const auto whole = dir.path() / "whole";
  fs::copy_file(file, whole);
  const auto size = fs::file_size(file);
  int damaged = 0;
  int pages = 0;
  for (std::uint64_t page = 0; page < size / 4096; page += 3, ++pages) {
    fs::copy_file(whole, file, fs::copy_options::overwrite_existing);
    fs::remove(dir.path() / "clean");
    // Half a page of garbage over the page's end: what a power cut between two sectors leaves.
    overwrite(file, page * 4096 + 2048, std::string(2048, '\xA5'));
    auto env = lmdb::Environment::open(options_for(dir.path()));
    if (env) continue;  // a free page, or the unused half of one
    ++damaged;
    INFO(env.error().message);
    CHECK(env.error().code == Code::DataLoss);
    CHECK(env.error().message.find(dir.path().string()) != std::string::npos);
    const auto remedy = env.error().message.find("restore");
    CHECK(remedy != std::string::npos);
    CHECK(env.error().message.find("restore", remedy + 1) == std::string::npos);
  }
  CHECK(damaged > pages / 2);
}

TEST_CASE("a file that was cut off is a message, not a crash", "[lmdb][recovery]") {
  TempDir dir;
  fill(dir.path(), 2000);
  fs::resize_file(dir.path() / "data.mdb", 64 * 4096);  // without touching the clean mark: the size gives it away
  CHECK(open_error(options_for(dir.path())).code == Code::DataLoss);
}

TEST_CASE("a record that changed while the store was in use is reported when it is read", "[lmdb][recovery]") {
  TempDir dir;
  auto env = open_ok(options_for(dir.path()));
  const auto table = env->table("t").value();
  put_one(*env, table, "key", "the-value-to-be-damaged");
  std::ifstream in(dir.path() / "data.mdb", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (auto at = bytes.find("the-value-to-be"); at != bytes.npos; at = bytes.find("the-value-to-be", at + 1)) {
    overwrite(dir.path() / "data.mdb", at, "The");
  }
  auto txn = env->read();
  CHECK(txn.value().get(table, "key").error().code == Code::DataLoss);
  CHECK(txn.value().scan(table, "", [](auto, auto) { return true; }).error().code == Code::DataLoss);
}

TEST_CASE("a full store refuses the transaction and keeps what it has", "[lmdb][full]") {
  TempDir dir;
  auto options = options_for(dir.path());
  options.size_bytes_max = 1 << 20;
  auto env = open_ok(options);
  const auto table = env->table("t").value();
  put_one(*env, table, "first", "kept");
  Error refused;
  for (std::uint64_t i = 0; refused.message.empty() && i < 10'000; ++i) {
    auto txn = env->write();
    auto result = txn.value().put(table, lmdb::key_u64(i), std::string(4000, 'x'));
    if (result) result = txn.value().commit();
    if (!result) refused = result.error();
  }
  CHECK(refused.code == Code::ResourceExhausted);
  CHECK(get_one(*env, table, "first") == "kept");
  CHECK(env->bytes_used() <= options.size_bytes_max);
  put_one(*env, table, "first", "changed");
  CHECK(get_one(*env, table, "first") == "changed");
}

TEST_CASE("a disk that fills up loses nothing and is said to be full", "[lmdb][full]") {
  TempDir dir;
  fill(dir.path(), 10);
  const int answer = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{600'000, 600'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto env = lmdb::Environment::open(options_for(dir.path()));
    if (!env) return 10;
    const auto table = env.value()->table("t").value();
    for (std::uint64_t i = 100; i < 10'000; ++i) {
      auto txn = env.value()->write();
      if (!txn.value().put(table, lmdb::key_u64(i), std::string(1000, 'x'))) return 11;
      auto result = txn.value().commit();
      if (result) continue;
      if (result.error().code != Code::ResourceExhausted) return 12;
      auto reader = env.value()->read();
      // All that was acknowledged, and nothing of the last one.
      if (reader.value().count(table).value() != i - 100 + 10) return 13;
      return 0;
    }
    return 14;
  });
  CHECK(answer == 0);
  CHECK(open_ok(options_for(dir.path())));
}

TEST_CASE("kill -9 amid commits loses nothing that was acknowledged", "[lmdb][recovery]") {
  TempDir dir;
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto env = lmdb::Environment::open(options_for(dir.path()));
      const auto table = env.value()->table("t").value();
      for (std::uint64_t i = acknowledged + 1;; ++i) {
        auto txn = env.value()->write();
        if (!txn.value().put(table, lmdb::key_u64(i), std::string(300, 'x')) || !txn.value().commit()) ::_exit(1);
        if (::write(pipe[1], &i, sizeof i) != sizeof i) ::_exit(2);
      }
    }
    ::close(pipe[1]);
    std::uint64_t n = 0;
    const auto stop_at = acknowledged + 20 + 17 * static_cast<std::uint64_t>(round);
    while (acknowledged < stop_at && ::read(pipe[0], &n, sizeof n) == sizeof n) acknowledged = n;
    ::kill(child, SIGKILL);
    while (::read(pipe[0], &n, sizeof n) == sizeof n) acknowledged = n;
    ::waitpid(child, nullptr, 0);
    ::close(pipe[0]);
    REQUIRE(acknowledged >= stop_at);
    auto env = open_ok(options_for(dir.path()));
    CHECK(env->was_unclean());
    const auto table = env->table("t").value();
    const auto stored = env->read().value().count(table).value();
    // One more may have been stored and not said.
    CHECK(stored >= acknowledged);
    CHECK(stored <= acknowledged + 1);
    acknowledged = stored;
  }
}

TEST_CASE("a backup made amid use opens elsewhere", "[lmdb][backup]") {
  TempDir dir;
  TempDir copies;
  auto env = open_ok(options_for(dir.path()));
  const auto table = env->table("t").value();
  put_one(*env, table, "k", "before");
  REQUIRE(env->backup(copies.path() / "one"));
  put_one(*env, table, "k", "after");
  CHECK(env->backup(copies.path() / "one").error().code == Code::AlreadyExists);
  auto copy = open_ok(options_for(copies.path() / "one"));
  CHECK(copy->was_unclean());  // so it was checked
  CHECK(get_one(*copy, copy->table("t").value(), "k") == "before");
}

TEST_CASE("a backup that broke off is refused", "[lmdb][backup]") {
  TempDir dir;
  TempDir copies;
  fill(dir.path(), 10);
  fs::copy_file(dir.path() / "data.mdb", copies.path() / "data.mdb");
  CHECK(open_error(options_for(copies.path())).code == Code::FailedPrecondition);
}

TEST_CASE("a directory that can't be written to says so", "[lmdb]") {
  if (::geteuid() != 0) {
    TempDir dir;
    fs::permissions(dir.path(), fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(open_error(options_for(dir.path() / "x")).code == Code::FailedPrecondition);
  }
  TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  CHECK(open_error(options_for(dir.path() / "file" / "data")).message.find("can't create the data directory") != std::string::npos);
}

TEST_CASE("nothing is left in a directory with data of somebody else", "[lmdb][identity]") {
  TempDir dir;
  std::ofstream(dir.path() / "data.mdb") << "not ours";
  CHECK(open_error(options_for(dir.path())).code == Code::FailedPrecondition);
  CHECK(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()) == 1);
}

#include "libs/lmdb/integrity.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "libs/lmdb/mdb_error.hpp"
#include "libs/lmdb/record.hpp"

namespace swarm::lmdb {
namespace fs = std::filesystem;
namespace {

struct CloseEnv { void operator()(MDB_env* env) const { mdb_env_close(env); } };
struct AbortTxn { void operator()(MDB_txn* txn) const { mdb_txn_abort(txn); } };
struct CloseCursor { void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); } };

constexpr MDB_dbi kFreeTable = 0;
constexpr MDB_dbi kMainTable = 1;
constexpr unsigned kTablesMax = 256;

class Walk {
 public:
  Walk(MDB_txn* txn, const fs::path& directory) : txn_(txn), directory_(directory) {}

  Result<void> everything(std::size_t last_page) {
    BOOST_OUTCOME_TRY(table(kFreeTable, "the free list", [&](auto key, auto value) {
      return key.size() == sizeof(std::size_t) && free_pages_fit(value, last_page);
    }));
    std::vector<std::string> names;
    BOOST_OUTCOME_TRY(table(kMainTable, "the list of tables", [&](auto key, auto) {
      names.emplace_back(key);
      return names.size() <= kTablesMax;
    }));
    for (const auto& name : names) {
      MDB_dbi dbi = 0;
      if (const int rc = mdb_dbi_open(txn_, name.c_str(), 0, &dbi); rc != 0) return mdb_error(rc, "can't open table " + name, directory_);
      BOOST_OUTCOME_TRY(table(dbi, "table " + name, [](auto key, auto value) { return checked_value(key, value).has_value(); }));
    }
    return outcome::success();
  }

 private:
  static bool free_pages_fit(std::string_view value, std::size_t last_page) {
    std::vector<std::size_t> ids(value.size() / sizeof(std::size_t));
    if (ids.empty() || value.size() % sizeof(std::size_t) != 0) return false;
    std::memcpy(ids.data(), value.data(), value.size());
    if (ids[0] > ids.size() - 1) return false;
    for (std::size_t i = 1; i <= ids[0]; ++i) {
      if (ids[i] < 2 || ids[i] > last_page) return false;  // 0 and 1 are the meta pages
    }
    return true;
  }

  template <class Fits>
  Result<void> table(MDB_dbi dbi, const std::string& what, Fits fits) {
    MDB_stat stat{};
    if (const int rc = mdb_stat(txn_, dbi, &stat); rc != 0) return mdb_error(rc, "can't read " + what, directory_);
    MDB_cursor* raw = nullptr;
    if (const int rc = mdb_cursor_open(txn_, dbi, &raw); rc != 0) return mdb_error(rc, "can't read " + what, directory_);
    const std::unique_ptr<MDB_cursor, CloseCursor> cursor(raw);
    MDB_val key{};
    MDB_val value{};
    std::string last;
    std::size_t seen = 0;
    int rc = 0;
    // The number of entries bounds the walk: damaged branches may point anywhere, also back.
    while ((rc = mdb_cursor_get(raw, &key, &value, MDB_NEXT)) == 0 && ++seen <= stat.ms_entries) {
      const bool ordered = dbi == kFreeTable || seen == 1 || last < view(key);
      if (!ordered || !fits(view(key), view(value))) return damaged("a record of " + what + " does not match its check sum");
      last = view(key);
    }
    if (rc != 0 && rc != MDB_NOTFOUND) return mdb_error(rc, "can't read " + what, directory_);
    if (seen != stat.ms_entries) {
      return damaged(what + " has other records than it counts: " + std::to_string(seen) + " of " + std::to_string(stat.ms_entries));
    }
    return outcome::success();
  }

  Error damaged(const std::string& how) const { return {Code::DataLoss, how}; }

  MDB_txn* txn_;
  const fs::path& directory_;
};

[[noreturn]] void check_and_exit(const fs::path& directory, int report) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // the child shares the directory's lock: it must not outlive us
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
  for (const int sig : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) ::signal(sig, SIG_DFL);
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDERR_FILENO);  // LMDB's assertions print
  const auto result = verify(directory);
  int status = 0;
  if (!result) {
    status = 1;
    const auto& error = result.error();
    const std::string text = static_cast<char>(error.code) + error.message;
    if (::write(report, text.data(), text.size()) < 0) status = 2;
  }
  ::_exit(status);
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 1024> chunk{};
  ssize_t n = 0;
  while ((n = ::read(fd, chunk.data(), chunk.size())) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0) text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return text;
}

Error damage(const fs::path& directory, const std::string& how) {
  constexpr std::string_view kRestore = "restore the directory from a backup";  // some causes end with it already
  const std::string remedy = how.ends_with(kRestore) ? "" : "; " + std::string(kRestore);
  return {Code::DataLoss, "data in " + directory.string() + " is damaged: " + how + remedy + ", or move it away to start empty"};
}

Error ended_by(const fs::path& directory, int signal_number) {
  const std::string text = "signal " + std::to_string(signal_number);
  if (signal_number == SIGKILL || signal_number == SIGTERM) {
    return {Code::Unavailable, "the check of " + directory.string() + " was ended by " + text + "; start again"};
  }
  return damage(directory, "reading it ends in " + text + " (a torn page)");
}

}  // namespace

Result<void> verify(const fs::path& directory) {
  MDB_env* raw = nullptr;
  if (const int rc = mdb_env_create(&raw); rc != 0) return mdb_error(rc, "can't check", directory);
  const std::unique_ptr<MDB_env, CloseEnv> env(raw);
  mdb_env_set_maxdbs(raw, kTablesMax);
  int rc = mdb_env_open(raw, directory.c_str(), MDB_NOTLS | MDB_RDONLY, 0600);
  if (rc != 0) return mdb_error(rc, "can't open the store", directory);
  MDB_envinfo info{};
  mdb_env_info(raw, &info);
  MDB_txn* txn = nullptr;
  if (rc = mdb_txn_begin(raw, nullptr, MDB_RDONLY, &txn); rc != 0) return mdb_error(rc, "can't check", directory);
  const std::unique_ptr<MDB_txn, AbortTxn> closes(txn);
  return Walk(txn, directory).everything(info.me_last_pgno);
}

Result<void> verify_in_child(const fs::path& directory) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return mdb_error(errno, "can't start the check", directory);
  const pid_t child = ::fork();
  if (child == 0) check_and_exit(directory, pipe[1]);
  const int fork_error = errno;
  ::close(pipe[1]);
  if (child < 0) {
    ::close(pipe[0]);
    return mdb_error(fork_error, "can't start the check", directory);
  }
  const std::string report = read_all(pipe[0]);
  ::close(pipe[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return outcome::success();
  if (WIFSIGNALED(status)) return ended_by(directory, WTERMSIG(status));
  if (report.empty()) return damage(directory, "reading it fails");
  const auto code = static_cast<Code>(report[0]);
  if (code == Code::DataLoss) return damage(directory, report.substr(1));
  return Error{code, report.substr(1)};
}

}  // namespace swarm::lmdb

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "libs/base/check.hpp"
#include "libs/lmdb/environment.hpp"
#include "libs/lmdb/mdb_error.hpp"
#include "libs/lmdb/record.hpp"

namespace swarm::lmdb {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kKeyBytesMax = 511;
constexpr std::uint64_t kFreeBytesMin = 16u << 20;

const fs::path& directory_of(MDB_txn* txn) {
  return *static_cast<const fs::path*>(mdb_env_get_userctx(mdb_txn_env(txn)));
}

Error key_error(std::string_view key) {
  return {Code::InvalidArgument, "a key has 1 to 511 bytes, not " + std::to_string(key.size())};
}

bool key_fits(std::string_view key) { return !key.empty() && key.size() <= kKeyBytesMax; }

Error torn(MDB_txn* txn) {
  return {Code::DataLoss, "a record in " + directory_of(txn).string() +
                              " does not match its check sum; stop, and restore the directory from a backup"};
}

/// LMDB says EIO for a write that was cut short, which is what a disk that fills up in the middle of it does.
bool disk_is_full(const fs::path& directory) {
  struct statvfs fs_state {};
  if (::statvfs(directory.c_str(), &fs_state) == 0 && fs_state.f_bavail * fs_state.f_frsize < kFreeBytesMin) return true;
  rlimit limit{};
  struct stat file {};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         ::stat((directory / "data.mdb").c_str(), &file) == 0 &&
         static_cast<std::uint64_t>(file.st_size) + kFreeBytesMin > limit.rlim_cur;
}

/// The store refuses everything once a commit got stuck between its two meta pages.
bool store_is_lost(MDB_env* env) {
  MDB_txn* probe = nullptr;
  const int rc = mdb_txn_begin(env, nullptr, MDB_RDONLY, &probe);
  if (rc == 0) mdb_txn_abort(probe);
  return rc == MDB_PANIC;
}

class Cursor {
 public:
  Cursor(MDB_txn* txn, Table table) { rc_ = mdb_cursor_open(txn, table.dbi, &cursor_); }
  ~Cursor() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  int opened() const { return rc_; }
  int move(MDB_cursor_op op) { return mdb_cursor_get(cursor_, &key_, &value_, op); }
  int seek(std::string_view key) {
    key_ = mdb_val(key);
    return move(MDB_SET_RANGE);
  }
  std::string_view key() const { return view(key_); }
  std::string_view record() const { return view(value_); }

 private:
  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{};
  MDB_val value_{};
  int rc_ = 0;
};

Result<void> visit_all(MDB_txn* txn, Cursor& cursor, int rc, MDB_cursor_op step,
                       const std::function<bool(std::string_view, std::string_view)>& visit) {
  for (; rc == 0; rc = cursor.move(step)) {
    const auto value = checked_value(cursor.key(), cursor.record());
    if (!value) return torn(txn);
    if (!visit(cursor.key(), *value)) return outcome::success();
  }
  if (rc != MDB_NOTFOUND) return mdb_error(rc, "can't read", directory_of(txn));
  return outcome::success();
}

}  // namespace

ReadTxn::ReadTxn(ReadTxn&& other) noexcept : txn_(std::exchange(other.txn_, nullptr)) {}

ReadTxn::~ReadTxn() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

Result<std::optional<std::string_view>> ReadTxn::get(Table table, std::string_view key) const {
  SWARM_CHECK(txn_ != nullptr, "read after commit");
  if (!key_fits(key)) return key_error(key);
  MDB_val k = mdb_val(key);
  MDB_val v{};
  const int rc = mdb_get(txn_, table.dbi, &k, &v);
  if (rc == MDB_NOTFOUND) return std::optional<std::string_view>{};
  if (rc != 0) return mdb_error(rc, "can't read", directory_of(txn_));
  const auto value = checked_value(key, view(v));
  if (!value) return torn(txn_);
  return value;
}

Result<void> ReadTxn::scan(Table table, std::string_view from,
                           const std::function<bool(std::string_view, std::string_view)>& visit) const {
  SWARM_CHECK(txn_ != nullptr, "read after commit");
  Cursor cursor(txn_, table);
  if (cursor.opened() != 0) return mdb_error(cursor.opened(), "can't read", directory_of(txn_));
  return visit_all(txn_, cursor, from.empty() ? cursor.move(MDB_FIRST) : cursor.seek(from), MDB_NEXT, visit);
}

Result<void> ReadTxn::scan_reverse(Table table, std::string_view before,
                                   const std::function<bool(std::string_view, std::string_view)>& visit) const {
  SWARM_CHECK(txn_ != nullptr, "read after commit");
  Cursor cursor(txn_, table);
  if (cursor.opened() != 0) return mdb_error(cursor.opened(), "can't read", directory_of(txn_));
  int rc = before.empty() ? MDB_NOTFOUND : cursor.seek(before);
  if (rc == MDB_NOTFOUND) {
    rc = cursor.move(MDB_LAST);
  } else if (rc == 0) {
    rc = cursor.move(MDB_PREV);
  }
  return visit_all(txn_, cursor, rc, MDB_PREV, visit);
}

Result<std::uint64_t> ReadTxn::count(Table table) const {
  SWARM_CHECK(txn_ != nullptr, "read after commit");
  MDB_stat stat{};
  const int rc = mdb_stat(txn_, table.dbi, &stat);
  if (rc != 0) return mdb_error(rc, "can't read", directory_of(txn_));
  return std::uint64_t{stat.ms_entries};
}

Result<void> WriteTxn::put(Table table, std::string_view key, std::string_view value) { return store(table, key, value, 0); }

Result<void> WriteTxn::append(Table table, std::string_view key, std::string_view value) {
  return store(table, key, value, MDB_APPEND);
}

Result<void> WriteTxn::store(Table table, std::string_view key, std::string_view value, unsigned flags) {
  SWARM_CHECK(txn_ != nullptr, "write after commit");
  if (!key_fits(key)) return key_error(key);
  const auto sum = sum_of(key, value);
  MDB_val k = mdb_val(key);
  MDB_val v{kSumBytes + value.size(), nullptr};
  const int rc = mdb_put(txn_, table.dbi, &k, &v, MDB_RESERVE | flags);
  if (rc == MDB_KEYEXIST) return Error{Code::FailedPrecondition, "a key that was to come last does not"};
  if (rc != 0) return mdb_error(rc, "can't write", directory_of(txn_));
  auto* out = static_cast<char*>(v.mv_data);
  std::memcpy(out, &sum, kSumBytes);
  if (!value.empty()) std::memcpy(out + kSumBytes, value.data(), value.size());
  return outcome::success();
}

Result<void> WriteTxn::erase(Table table, std::string_view key) {
  SWARM_CHECK(txn_ != nullptr, "write after commit");
  if (!key_fits(key)) return key_error(key);
  MDB_val k = mdb_val(key);
  const int rc = mdb_del(txn_, table.dbi, &k, nullptr);
  if (rc != 0 && rc != MDB_NOTFOUND) return mdb_error(rc, "can't erase", directory_of(txn_));
  return outcome::success();
}

Result<void> WriteTxn::commit() {
  SWARM_CHECK(txn_ != nullptr, "committed twice");
  MDB_env* env = mdb_txn_env(txn_);
  const auto& directory = directory_of(txn_);
  int rc = mdb_txn_commit(std::exchange(txn_, nullptr));
  if (rc == 0) return outcome::success();
  if (store_is_lost(env)) {
    rc = MDB_PANIC;
  } else if (rc == EIO && disk_is_full(directory)) {
    rc = ENOSPC;
  }
  return mdb_error(rc, "can't commit", directory);
}

std::string key_u64(std::uint64_t n) {
  std::string key(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(n >> (56 - 8 * i));
  return key;
}

std::uint64_t u64_of_key(std::string_view key) {
  SWARM_CHECK(key.size() == 8, "not a key of key_u64");
  std::uint64_t n = 0;
  for (const char c : key) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

}  // namespace swarm::lmdb

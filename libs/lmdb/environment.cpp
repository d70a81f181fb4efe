#include "libs/lmdb/environment.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "libs/lmdb/data_directory.hpp"
#include "libs/lmdb/integrity.hpp"
#include "libs/lmdb/mdb_error.hpp"
#include "libs/lmdb/resident_pages.hpp"

namespace swarm::lmdb {
namespace fs = std::filesystem;

struct Environment::Impl {
  explicit Impl(DataDirectory d) : directory(std::move(d)) {}
  ~Impl() {
    if (env == nullptr) return;
    mdb_env_close(env);
    if (serving) directory.mark_clean();
  }

  Error error(int rc, std::string_view doing) const { return mdb_error(rc, doing, directory.path()); }

  DataDirectory directory;
  Identity identity;
  MDB_env* env = nullptr;
  std::optional<ResidentPages> resident;  // used by the one who holds the write transaction
  bool unclean = false;
  bool serving = false;  // open() went through
  std::mutex mutex;      // of tables
  std::map<std::string, Table, std::less<>> tables;
};

namespace {

Result<void> open_env(MDB_env** env, const Options& options) {
  const auto failed = [&](int rc) { return mdb_error(rc, "can't open the store", options.directory); };
  if (const int rc = mdb_env_create(env); rc != 0) return failed(rc);
  const auto bytes = options.size_bytes_max != 0 ? std::min(options.size_bytes_max, options.map_bytes) : options.map_bytes;
  mdb_env_set_mapsize(*env, bytes);
  mdb_env_set_maxdbs(*env, options.databases);
  mdb_env_set_maxreaders(*env, options.snapshots_max);
  const unsigned flags = MDB_NOTLS | (options.sync ? 0u : MDB_NOSYNC);
  if (const int rc = mdb_env_open(*env, options.directory.c_str(), flags, 0600); rc != 0) return failed(rc);
  return outcome::success();
}

int sync_file(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int rc = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return rc;
}

}  // namespace

Result<std::unique_ptr<Environment>> Environment::open(const Options& options) {
  BOOST_OUTCOME_TRY(auto directory, DataDirectory::acquire(options.directory, options.identity));
  auto impl = std::make_unique<Impl>(std::move(directory));
  impl->identity = options.identity;
  impl->unclean = impl->directory.needs_check();
  if (impl->unclean) {
    BOOST_OUTCOME_TRY(verify_in_child(options.directory));
  }
  BOOST_OUTCOME_TRY(impl->directory.mark_running());
  BOOST_OUTCOME_TRY(open_env(&impl->env, options));
  mdb_env_set_userctx(impl->env, const_cast<fs::path*>(&impl->directory.path()));
  impl->resident.emplace(options.directory / "data.mdb", options.resident_bytes_max);
  impl->serving = true;
  return std::unique_ptr<Environment>(new Environment(std::move(impl)));
}

Environment::Environment(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Environment::~Environment() = default;

Result<Table> Environment::table(std::string_view name) {
  std::lock_guard lock(impl_->mutex);
  if (const auto it = impl_->tables.find(name); it != impl_->tables.end()) return it->second;
  const std::string key(name);
  MDB_txn* txn = nullptr;
  int rc = mdb_txn_begin(impl_->env, nullptr, 0, &txn);
  if (rc != 0) return impl_->error(rc, "can't open table " + key);
  Table table;
  rc = mdb_dbi_open(txn, key.c_str(), MDB_CREATE, &table.dbi);
  if (rc != 0) {
    mdb_txn_abort(txn);
    return impl_->error(rc, "can't open table " + key);
  }
  if (rc = mdb_txn_commit(txn); rc != 0) return impl_->error(rc, "can't create table " + key);
  impl_->tables.emplace(key, table);
  return table;
}

Result<ReadTxn> Environment::read() const {
  MDB_txn* txn = nullptr;
  const int rc = mdb_txn_begin(impl_->env, nullptr, MDB_RDONLY, &txn);
  if (rc != 0) return impl_->error(rc, "can't begin to read");
  return ReadTxn(txn);
}

Result<WriteTxn> Environment::write() {
  MDB_txn* txn = nullptr;
  const int rc = mdb_txn_begin(impl_->env, nullptr, 0, &txn);
  if (rc != 0) return impl_->error(rc, "can't begin to write");
  impl_->resident->keep_bound();
  return WriteTxn(txn);
}

Result<void> Environment::backup(const fs::path& directory) const {
  if (fs::exists(directory / "data.mdb")) {
    return Error{Code::AlreadyExists, "backup directory " + directory.string() + " holds data already; choose an empty one"};
  }
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed) return mdb_error(failed.value(), "can't create the backup directory", directory);
  int rc = mdb_env_copy2(impl_->env, directory.c_str(), 0);
  if (rc == 0) rc = sync_file(directory / "data.mdb");
  if (rc != 0) return mdb_error(rc, "can't write the backup", directory);
  // Last: what has no identity is refused at opening.
  return DataDirectory::write_identity(directory, impl_->identity);
}

std::uint64_t Environment::bytes_used() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(impl_->env, &info);
  mdb_env_stat(impl_->env, &stat);
  return (info.me_last_pgno + 1) * std::uint64_t{stat.ms_psize};
}

bool Environment::was_unclean() const { return impl_->unclean; }

}  // namespace swarm::lmdb

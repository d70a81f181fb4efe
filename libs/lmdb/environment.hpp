#pragma once

#include <lmdb.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"

namespace swarm::lmdb {

/// Whose data a directory holds. Written at creation, checked at each opening. The name's first word, up to a '-', is
/// the owner: a directory is also refused if the one above it, or one in it, belongs to another owner.
struct Identity {
  std::string service;          // e.g. "orchestrator-core", "orchestrator-core-outbox"
  std::uint32_t format = 1;     // of this program's records; a newer one on disk is refused
};

struct Options {
  std::filesystem::path directory;      // created if missing
  Identity identity;
  std::uint64_t map_bytes = 1ull << 36; // address space, not disk
  std::uint64_t size_bytes_max = 0;     // refuse to grow beyond; 0: the map
  unsigned databases = 16;
  bool sync = true;                     // false only for tests and caches
  unsigned snapshots_max = 1024;        // ReadTxns alive at once
  std::uint64_t resident_bytes_max = 32ull << 20;  // of mapped files, before the map's pages are given back to the kernel
};

class ReadTxn;
class WriteTxn;

/// A named table of one environment. Cheap to copy; valid as long as the environment.
struct Table {
  MDB_dbi dbi = 0;
};

/// One LMDB environment in a directory that this process has for itself (a lock file held by flock), with an identity,
/// a check sum on every record, and a full check in a child process after an unclean stop, so that a torn page is a
/// message and not a crash. Opened without WRITEMAP and with NOTLS. Thread-safe: any number of readers, one writer at a
/// time (`write` waits for the other one).
/// Errors: FailedPrecondition (locked by another process, foreign, newer), DataLoss (torn), ResourceExhausted (disk or
/// map full: nothing of the transaction was stored), Unavailable (fsync failed: the outcome is unknown, stop and
/// recover), InvalidArgument (a key is empty or longer than 511 bytes), NotFound, Internal.
/// Open it before the process has threads: the check forks.
class Environment {
 public:
  static Result<std::unique_ptr<Environment>> open(const Options& options);
  ~Environment();  // marks a clean stop

  /// Opens the table, creates it if missing. At start, and never by a thread that holds a WriteTxn: it would wait for
  /// itself.
  Result<Table> table(std::string_view name);
  Result<ReadTxn> read() const;
  Result<WriteTxn> write();
  /// A consistent, durable copy into another directory (created; without data) while the environment is in use.
  Result<void> backup(const std::filesystem::path& directory) const;
  /// Size of the data file as far as it was ever used; pages that became free count too.
  std::uint64_t bytes_used() const;
  /// True if the last owner did not stop cleanly, or the data changed since: the full check ran, and passed.
  bool was_unclean() const;

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  struct Impl;
  explicit Environment(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A snapshot. Views that it returns live as long as it does. Belongs to one thread at a time.
class ReadTxn {
 public:
  ReadTxn(ReadTxn&&) noexcept;
  ~ReadTxn();

  /// Nothing when absent; DataLoss when the record's check sum does not fit.
  Result<std::optional<std::string_view>> get(Table table, std::string_view key) const;
  /// Calls `visit` for each record whose key is >= `from`, in key order, until it returns false.
  Result<void> scan(Table table, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  /// The same from the greatest key that is < `before` downwards (empty: from the end).
  Result<void> scan_reverse(Table table, std::string_view before,
                            const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  Result<std::uint64_t> count(Table table) const;

 protected:
  friend class Environment;
  explicit ReadTxn(MDB_txn* txn) : txn_(txn) {}
  MDB_txn* txn_ = nullptr;
};

/// Changes that become durable together at commit(), or not at all. Reads see them already. Belongs to the thread that
/// began it. Views read before a change may be gone after it. After an error it can only be dropped.
class WriteTxn : public ReadTxn {
 public:
  /// Neither text may be a view that this transaction returned: the change may move it.
  Result<void> put(Table table, std::string_view key, std::string_view value);
  /// The same for a key beyond all others of the table (FailedPrecondition otherwise): needs no search, and fills pages to
  /// their end, where put() would leave half of each empty.
  Result<void> append(Table table, std::string_view key, std::string_view value);
  /// No error when absent.
  Result<void> erase(Table table, std::string_view key);
  /// Returns only after fdatasync (unless opened without sync).
  Result<void> commit();

 private:
  friend class Environment;
  explicit WriteTxn(MDB_txn* txn) : ReadTxn(txn) {}
  Result<void> store(Table table, std::string_view key, std::string_view value, unsigned flags);
};

/// Big-endian, so that keys sort by number.
std::string key_u64(std::uint64_t n);
std::uint64_t u64_of_key(std::string_view key);

}  // namespace swarm::lmdb

#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/lmdb/spend_record.hpp"
#include "libs/lmdb/environment.hpp"
#include "ports/alerts.hpp"
#include "ports/key_store.hpp"
#include "ports/spend_journal.hpp"

namespace swarm::gateway {

/// The journal in LMDB. Tables: `rows` by sequence number, `windows` (running sums), `carried` (what rows that are gone add
/// up to), `allotments`, `limits`, `keys`, `alerts` (told), `overrides`. Each append is
/// one transaction: rows, the sums that they change and allotments become durable together, so a check of the budget never
/// reads rows, however many there are.
class LmdbSpendStore final : public SpendStore, public KeyStore, public AlertMemory {
 public:
  /// Errors as lmdb::Environment::open.
  static Result<std::unique_ptr<LmdbSpendStore>> open(const std::filesystem::path& directory, std::uint64_t size_bytes_max = 0);
  /// The same, but NotFound where there is none yet.
  static Result<std::unique_ptr<LmdbSpendStore>> open_existing(const std::filesystem::path& directory);

  Result<void> append(const std::vector<UsageRow>& rows, const std::vector<AllotmentPlan>& allotments) override;
  Result<void> put_limit(const StoredLimit& limit) override;
  Result<std::vector<SpendRecord>> recover(WallTime now) override;
  Result<std::vector<StoredLimit>> limits() override;
  Result<void> release_allotments() override;
  Result<void> rows(const std::function<bool(const UsageRow&)>& visit) override;
  Result<std::vector<SpendRecord>> records() override;
  Result<std::uint64_t> last_row() override;
  Result<void> rows_after(std::uint64_t after,
                          const std::function<bool(std::uint64_t number, const UsageRow& row)>& visit) override;
  Result<Retired> retire_rows(WallTime before, std::uint64_t through, std::size_t rows_max) override;
  Result<Carried> carried() override;
  Result<void> drop_limit(const std::string& scope, WindowKind window) override;
  Result<void> put_key(const StoredKey& key) override;
  Result<std::vector<StoredKey>> keys() override;
  Result<std::map<std::string, SpendState>> told() override;
  Result<void> tell(const std::string& key, SpendState state) override;
  Result<void> forget(const std::string& key) override;
  Result<void> put_override(const StoredOverride& lift) override;
  Result<std::vector<StoredOverride>> overrides() override;

  const lmdb::Environment& environment() const { return *environment_; }

 private:
  /// Sums of windows that a transaction changes. Rows of one caller that follow each other find theirs at once.
  struct Sums {
    std::map<std::string, WindowSums> by_key;
    const UsageRow* last = nullptr;    // that was charged; stays where it is
    WindowSpan same{};                 // time in which a row like it is charged to the same windows
    std::vector<WindowSums*> charged;  // those
  };

  LmdbSpendStore() = default;
  static Result<WindowSums> sums_at(const lmdb::ReadTxn& txn, lmdb::Table table, const std::string& key);
  static Result<void> charge(const lmdb::ReadTxn& txn, lmdb::Table table, const UsageRow& row, Sums& sums);
  Result<std::vector<SpendRecord>> records_of(const lmdb::ReadTxn& txn, lmdb::Table table, std::string_view named) const;
  Result<void> carry(lmdb::WriteTxn& txn, const Sums& sums, WallTime before) const;
  static Result<void> put_sums(lmdb::WriteTxn& txn, lmdb::Table table, const Sums& sums);

  std::unique_ptr<lmdb::Environment> environment_;
  lmdb::Table rows_;
  lmdb::Table windows_;
  lmdb::Table carried_;
  lmdb::Table allotments_;
  lmdb::Table limits_;
  lmdb::Table keys_;
  lmdb::Table alerts_;
  lmdb::Table overrides_;
  std::uint64_t next_row_ = 1;
};

}  // namespace swarm::gateway

#include "adapters/lmdb/spend_store.hpp"

#include <algorithm>

#include "adapters/lmdb/key_record.hpp"
#include "libs/base/uuid.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

constexpr std::uint32_t kFormat = 1;

Error damaged(std::string_view table) {
  return {Code::DataLoss, "a record in table " + std::string(table) + " of the spend journal can't be read; restore a backup"};
}

/// The debit of a crash as a row, so that all that was ever spent has one.
UsageRow crash_row(const WindowKey& account, Money amount, WallTime now) {
  UsageRow row;
  row.at = now;
  row.request_id = uuid_v7(now);
  row.ending = Ending::UnknownCrash;
  row.settlement.cost = amount;
  row.settlement.reserved_at = now;
  charge_alone(row, account.scope, account.window);
  return row;
}

/// Charged to the same scopes.
bool alike(const UsageRow& a, const UsageRow& b) {
  return a.settlement.mask == b.settlement.mask && a.key == b.key && a.team == b.team && a.task == b.task;
}

/// Requests that were answered in the last moments may have no row of their own: their money is in these.
void tell_of_crash(const std::vector<UsageRow>& debits) {
  Money largest;
  for (const UsageRow& row : debits) largest = std::max(largest, row.settlement.cost);
  if (debits.empty()) return;
  log::warn("the gateway was killed: what it may have spent unrecorded counts as unknown_crash", {{"debits", debits.size()}, {"largest_usd", largest.usd()}});
}

}  // namespace

Result<std::unique_ptr<LmdbSpendStore>> LmdbSpendStore::open(const std::filesystem::path& directory, std::uint64_t size_bytes_max) {
  lmdb::Options options;
  options.directory = directory;
  options.identity = {"llm-gateway", kFormat};
  options.size_bytes_max = size_bytes_max;
  std::unique_ptr<LmdbSpendStore> store(new LmdbSpendStore());
  BOOST_OUTCOME_TRY(store->environment_, lmdb::Environment::open(options));
  BOOST_OUTCOME_TRY(store->rows_, store->environment_->table("rows"));
  BOOST_OUTCOME_TRY(store->windows_, store->environment_->table("windows"));
  BOOST_OUTCOME_TRY(store->carried_, store->environment_->table("carried"));
  BOOST_OUTCOME_TRY(store->allotments_, store->environment_->table("allotments"));
  BOOST_OUTCOME_TRY(store->limits_, store->environment_->table("limits"));
  BOOST_OUTCOME_TRY(store->keys_, store->environment_->table("keys"));
  BOOST_OUTCOME_TRY(store->alerts_, store->environment_->table("alerts"));
  BOOST_OUTCOME_TRY(store->overrides_, store->environment_->table("overrides"));
  BOOST_OUTCOME_TRY(const auto txn, store->environment_->read());
  BOOST_OUTCOME_TRY(txn.scan_reverse(store->rows_, "", [&](std::string_view key, std::string_view) {
    store->next_row_ = lmdb::u64_of_key(key) + 1;
    return false;
  }));
  return store;
}

Result<std::unique_ptr<LmdbSpendStore>> LmdbSpendStore::open_existing(const std::filesystem::path& directory) {
  if (!std::filesystem::exists(directory / "data.mdb")) {
    return Error{Code::NotFound, "no ledger in " + directory.string() + "; give its folder by --data-dir, or the gateway's --config"};
  }
  return open(directory);
}

Result<WindowSums> LmdbSpendStore::sums_at(const lmdb::ReadTxn& txn, lmdb::Table table, const std::string& key) {
  BOOST_OUTCOME_TRY(const auto stored, txn.get(table, key));
  if (!stored) return WindowSums{};
  const auto sums = decode_sums(*stored);
  if (!sums) return damaged("windows");
  return *sums;
}

/// Adds the row to the sums of its windows, which begin as the table has them.
Result<void> LmdbSpendStore::charge(const lmdb::ReadTxn& txn, lmdb::Table table, const UsageRow& row, Sums& sums) {
  const WallTime when = row.settlement.reserved_at;
  if (sums.last == nullptr || !alike(*sums.last, row) || when < sums.same.start || when >= sums.same.end) {
    sums.last = nullptr;
    sums.charged.clear();
    sums.same = {WallTime::min(), WallTime::max()};
    for (int bit = 0; bit < kScopeLevels * kWindowKinds; ++bit) {
      if ((row.settlement.mask & (1u << bit)) == 0) continue;
      const auto scope = scope_of(row, static_cast<ScopeLevel>(bit / kWindowKinds));
      const auto kind = static_cast<WindowKind>(bit % kWindowKinds);
      const auto window = window_at(kind, when);
      const auto key = window_key(scope, kind, window.start);
      auto at = sums.by_key.find(key);
      if (at == sums.by_key.end()) {
        BOOST_OUTCOME_TRY(const auto stored, sums_at(txn, table, key));
        at = sums.by_key.emplace(key, stored).first;
      }
      sums.charged.push_back(&at->second);
      sums.same = {std::max(sums.same.start, window.start), std::min(sums.same.end, window.end)};
    }
    sums.last = &row;
  }
  for (WindowSums* window : sums.charged) add(*window, row);
  return outcome::success();
}

Result<void> LmdbSpendStore::put_sums(lmdb::WriteTxn& txn, lmdb::Table table, const Sums& sums) {
  for (const auto& [key, value] : sums.by_key) {
    BOOST_OUTCOME_TRY(txn.put(table, key, encode_sums(value)));
  }
  return outcome::success();
}

Result<void> LmdbSpendStore::append(const std::vector<UsageRow>& rows, const std::vector<AllotmentPlan>& allotments) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  Sums sums;
  std::uint64_t next = next_row_;
  for (const auto& row : rows) {
    BOOST_OUTCOME_TRY(txn.append(rows_, lmdb::key_u64(next++), encode_row(row)));
    BOOST_OUTCOME_TRY(charge(txn, windows_, row, sums));
  }
  BOOST_OUTCOME_TRY(put_sums(txn, windows_, sums));
  for (const auto& plan : allotments) {
    const auto key = account_key(plan.scope, plan.window);
    if (plan.allotment > Money{}) {
      BOOST_OUTCOME_TRY(txn.put(allotments_, key, encode_money(plan.allotment)));
    } else {
      BOOST_OUTCOME_TRY(txn.erase(allotments_, key));
    }
  }
  BOOST_OUTCOME_TRY(txn.commit());
  next_row_ = next;
  return outcome::success();
}

Result<void> LmdbSpendStore::put_limit(const StoredLimit& limit) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  BOOST_OUTCOME_TRY(txn.put(limits_, account_key(limit.scope, limit.limit.window), encode_limit(limit.limit)));
  return txn.commit();
}

Result<std::vector<SpendRecord>> LmdbSpendStore::recover(WallTime now) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  std::vector<UsageRow> crashed;
  std::vector<std::string> lost;
  bool good = true;
  BOOST_OUTCOME_TRY(txn.scan(allotments_, "", [&](std::string_view key, std::string_view value) {
    const auto account = parse_key(key);
    const auto amount = decode_money(value);
    good = account && amount;
    if (!good) return false;
    crashed.push_back(crash_row(*account, *amount, now));
    lost.emplace_back(key);
    return true;
  }));
  if (!good) return damaged("allotments");
  Sums sums;
  std::uint64_t next = next_row_;
  for (const auto& row : crashed) {
    BOOST_OUTCOME_TRY(txn.append(rows_, lmdb::key_u64(next++), encode_row(row)));
    BOOST_OUTCOME_TRY(charge(txn, windows_, row, sums));
  }
  BOOST_OUTCOME_TRY(put_sums(txn, windows_, sums));
  for (const auto& key : lost) {
    BOOST_OUTCOME_TRY(txn.erase(allotments_, key));
  }
  BOOST_OUTCOME_TRY(txn.commit());
  next_row_ = next;
  tell_of_crash(crashed);

  BOOST_OUTCOME_TRY(auto all, records());
  std::erase_if(all, [&](const SpendRecord& record) { return record.start != window_at(record.window, now).start; });
  return all;
}

Result<std::vector<StoredLimit>> LmdbSpendStore::limits() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  std::vector<StoredLimit> all;
  bool good = true;
  BOOST_OUTCOME_TRY(txn.scan(limits_, "", [&](std::string_view key, std::string_view value) {
    const auto account = parse_key(key);
    const auto limit = decode_limit(value);
    good = account && limit;
    if (good) all.push_back({account->scope, *limit});
    return good;
  }));
  if (!good) return damaged("limits");
  return all;
}

Result<void> LmdbSpendStore::release_allotments() {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  std::vector<std::string> keys;
  BOOST_OUTCOME_TRY(txn.scan(allotments_, "", [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  for (const auto& key : keys) {
    BOOST_OUTCOME_TRY(txn.erase(allotments_, key));
  }
  return txn.commit();
}

Result<void> LmdbSpendStore::rows(const std::function<bool(const UsageRow&)>& visit) {
  return rows_after(0, [&](std::uint64_t, const UsageRow& row) { return visit(row); });
}

Result<std::uint64_t> LmdbSpendStore::last_row() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  std::uint64_t number = 0;
  BOOST_OUTCOME_TRY(txn.scan_reverse(rows_, "", [&](std::string_view key, std::string_view) {
    number = lmdb::u64_of_key(key);
    return false;
  }));
  return number;
}

Result<void> LmdbSpendStore::rows_after(std::uint64_t after, const std::function<bool(std::uint64_t, const UsageRow&)>& visit) {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  bool good = true;
  BOOST_OUTCOME_TRY(txn.scan(rows_, lmdb::key_u64(after + 1), [&](std::string_view key, std::string_view value) {
    const auto row = decode_row(value);
    good = row.has_value();
    return good && visit(lmdb::u64_of_key(key), *row);
  }));
  if (!good) return damaged("rows");
  return outcome::success();
}

Result<void> LmdbSpendStore::drop_limit(const std::string& scope, WindowKind window) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  BOOST_OUTCOME_TRY(txn.erase(limits_, account_key(scope, window)));
  return txn.commit();
}

Result<std::vector<SpendRecord>> LmdbSpendStore::records_of(const lmdb::ReadTxn& txn, lmdb::Table table, std::string_view named) const {
  std::vector<SpendRecord> all;
  bool good = true;
  BOOST_OUTCOME_TRY(txn.scan(table, "", [&](std::string_view key, std::string_view value) {
    const auto window = parse_key(key);
    const auto sums = decode_sums(value);
    good = window && sums;
    if (good) {
      all.push_back({window->scope, window->window, window->start, sums->settled, sums->unknown_crash, sums->forgiven, sums->requests});
    }
    return good;
  }));
  if (!good) return damaged(named);
  return all;
}

Result<std::vector<SpendRecord>> LmdbSpendStore::records() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  return records_of(txn, windows_, "windows");
}

Result<SpendStore::Carried> LmdbSpendStore::carried() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  Carried gone;
  BOOST_OUTCOME_TRY(gone.records, records_of(txn, carried_, "carried"));
  // Rows are numbered from 1 without gaps, and the newest one always stays.
  BOOST_OUTCOME_TRY(txn.scan(rows_, "", [&](std::string_view key, std::string_view) {
    gone.rows = lmdb::u64_of_key(key) - 1;
    return false;
  }));
  return gone;
}

Result<void> LmdbSpendStore::carry(lmdb::WriteTxn& txn, const Sums& sums, WallTime before) const {
  for (const auto& [key, value] : sums.by_key) {
    const auto window = parse_key(key);
    if (!window) return damaged("carried");
    BOOST_OUTCOME_TRY(const auto recorded, sums_at(txn, windows_, key));
    if (window_at(window->window, window->start).end <= before && recorded == value) {
      BOOST_OUTCOME_TRY(txn.erase(windows_, key));
      BOOST_OUTCOME_TRY(txn.erase(carried_, key));
    } else {
      BOOST_OUTCOME_TRY(txn.put(carried_, key, encode_sums(value)));
    }
  }
  return outcome::success();
}

Result<SpendStore::Retired> LmdbSpendStore::retire_rows(WallTime before, std::uint64_t through, std::size_t rows_max) {
  const std::uint64_t newest = next_row_ - 1;
  std::vector<UsageRow> old;
  std::uint64_t first = 0;
  Retired retired;
  {
    BOOST_OUTCOME_TRY(const auto look, environment_->read());
    bool good = true;
    BOOST_OUTCOME_TRY(look.scan(rows_, "", [&](std::string_view key, std::string_view value) {
      const std::uint64_t number = lmdb::u64_of_key(key);
      if (number >= newest || number > through) return false;
      auto row = decode_row(value);
      good = row.has_value();
      if (!good || row->at >= before) return false;
      retired.more = old.size() == rows_max;
      if (retired.more) return false;
      if (old.empty()) first = number;
      old.push_back(std::move(*row));
      return true;
    }));
    if (!good) return damaged("rows");
  }
  if (old.empty()) return retired;
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  Sums sums;
  for (std::size_t i = 0; i < old.size(); ++i) {
    BOOST_OUTCOME_TRY(charge(txn, carried_, old[i], sums));
    BOOST_OUTCOME_TRY(txn.erase(rows_, lmdb::key_u64(first + i)));
  }
  BOOST_OUTCOME_TRY(carry(txn, sums, before));
  BOOST_OUTCOME_TRY(txn.commit());
  retired.rows = old.size();
  return retired;
}

Result<void> LmdbSpendStore::put_key(const StoredKey& key) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  BOOST_OUTCOME_TRY(txn.put(keys_, key.name, encode_key(key)));
  return txn.commit();
}

Result<std::vector<StoredKey>> LmdbSpendStore::keys() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  std::vector<StoredKey> all;
  bool good = true;
  BOOST_OUTCOME_TRY(txn.scan(keys_, "", [&](std::string_view, std::string_view value) {
    auto key = decode_key(value);
    good = key.has_value();
    if (good) all.push_back(std::move(*key));
    return good;
  }));
  if (!good) return damaged("keys");
  return all;
}

Result<std::map<std::string, SpendState>> LmdbSpendStore::told() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  std::map<std::string, SpendState> all;
  bool good = true;
  BOOST_OUTCOME_TRY(txn.scan(alerts_, "", [&](std::string_view key, std::string_view value) {
    const auto state = decode_money(value);
    good = state && state->nano >= 0 && state->nano <= static_cast<std::int64_t>(SpendState::Blocked);
    if (good) all.emplace(key, static_cast<SpendState>(state->nano));
    return good;
  }));
  if (!good) return damaged("alerts");
  return all;
}

Result<void> LmdbSpendStore::tell(const std::string& key, SpendState state) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  BOOST_OUTCOME_TRY(txn.put(alerts_, key, encode_money(Money{static_cast<std::int64_t>(state)})));
  return txn.commit();
}

Result<void> LmdbSpendStore::forget(const std::string& key) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  BOOST_OUTCOME_TRY(txn.erase(alerts_, key));
  return txn.commit();
}

Result<void> LmdbSpendStore::put_override(const StoredOverride& lift) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  BOOST_OUTCOME_TRY(txn.put(overrides_, lift.scope, encode_override(lift)));
  return txn.commit();
}

Result<std::vector<StoredOverride>> LmdbSpendStore::overrides() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  std::vector<StoredOverride> all;
  bool good = true;
  BOOST_OUTCOME_TRY(txn.scan(overrides_, "", [&](std::string_view, std::string_view value) {
    auto lift = decode_override(value);
    good = lift.has_value();
    if (good) all.push_back(std::move(*lift));
    return good;
  }));
  if (!good) return damaged("overrides");
  return all;
}

}  // namespace swarm::gateway

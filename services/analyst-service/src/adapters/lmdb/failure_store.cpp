#include "adapters/lmdb/failure_store.hpp"

#include "adapters/lmdb/record.hpp"

namespace swarm::analyst::adapters {

namespace {

constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kEvidencePerKind = 10;
constexpr std::size_t kPrunedPerCommit = 20'000;
constexpr std::uint64_t kResidentMax = 16u << 20;  // pages of the program itself count, too
constexpr std::string_view kTotals = "totals";

std::string key_of(const domain::Id& id) { return lmdb::key_u64(id.high) + lmdb::key_u64(id.low); }

std::string key_of(const ports::GroupRoute& route) { return key_of(route.from) + key_of(domain::Digest().add(route.name).id()); }

domain::Id id_of(std::string_view key) { return {lmdb::u64_of_key(key.substr(0, 8)), lmdb::u64_of_key(key.substr(8, 8))}; }

// Behind the sequence, of rows that stand for agents.
constexpr char kAgentMark = 'a';

template <class T>
Result<void> load_all(const lmdb::ReadTxn& txn, lmdb::Table table, std::vector<T>& out) {
  Result<void> failed = outcome::success();
  BOOST_OUTCOME_TRY(txn.scan(table, {}, [&](std::string_view, std::string_view value) {
    T record;
    failed = decode(value, record);
    if (failed) out.push_back(std::move(record));
    return failed.has_value();
  }));
  return failed;
}

}  // namespace

Result<std::unique_ptr<LmdbFailureStore>> LmdbFailureStore::open(const Options& options) {
  lmdb::Options environment;
  environment.directory = options.directory;
  environment.identity = {"analyst-service", kFormat};
  environment.size_bytes_max = options.size_bytes_max;
  environment.sync = options.sync;
  environment.resident_bytes_max = kResidentMax;
  BOOST_OUTCOME_TRY(auto opened, lmdb::Environment::open(environment));
  std::unique_ptr<LmdbFailureStore> store(new LmdbFailureStore(std::move(opened)));
  BOOST_OUTCOME_TRY(store->open_tables());
  return store;
}

Result<void> LmdbFailureStore::open_tables() {
  const std::pair<std::string_view, lmdb::Table*> tables[] = {
      {"kinds", &kinds_}, {"groups", &groups_}, {"tasks", &tasks_}, {"journal", &journal_}, {"repeats", &repeats_},
      {"evidence", &evidence_}, {"rules", &rules_}, {"scopes", &scopes_}, {"meta", &meta_}, {"routes", &routes_}};
  for (const auto& [name, table] : tables) {
    BOOST_OUTCOME_TRY(*table, environment_->table(name));
  }
  return outcome::success();
}

Result<ports::Recovered> LmdbFailureStore::recover() {
  ports::Recovered found;
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  BOOST_OUTCOME_TRY(load_all(txn, groups_, found.groups));
  BOOST_OUTCOME_TRY(load_all(txn, rules_, found.rules));
  BOOST_OUTCOME_TRY(load_all(txn, scopes_, found.scopes));
  BOOST_OUTCOME_TRY(load_all(txn, routes_, found.routes));
  BOOST_OUTCOME_TRY(auto totals, txn.get(meta_, kTotals));
  if (totals) {
    BOOST_OUTCOME_TRY(decode(*totals, found.totals));
  }
  return found;
}

Result<void> LmdbFailureStore::commit(const ports::Changes& changes) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  for (const auto& kind : changes.kinds) {
    BOOST_OUTCOME_TRY(txn.put(kinds_, key_of(kind.kind), encode(kind)));
  }
  for (const auto& group : changes.groups) {
    BOOST_OUTCOME_TRY(txn.put(groups_, key_of(group.kind), encode(group)));
  }
  for (const auto& rule : changes.rules) {
    BOOST_OUTCOME_TRY(txn.put(rules_, key_of(rule.kind), encode(rule)));
  }
  for (const auto& scope : changes.scopes) {
    const auto key = domain::Digest().add(scope.stack).add(scope.role).id();
    BOOST_OUTCOME_TRY(txn.put(scopes_, key_of(key), encode(scope)));
  }
  for (const auto& route : changes.routes_gone) {
    BOOST_OUTCOME_TRY(txn.erase(routes_, key_of(route)));
  }
  for (const auto& route : changes.routes) {
    BOOST_OUTCOME_TRY(txn.put(routes_, key_of(route), encode(route)));
  }
  BOOST_OUTCOME_TRY(put_journal(txn, changes));
  for (const auto& kind : changes.forgotten) {
    BOOST_OUTCOME_TRY(forget(txn, kind));
  }
  BOOST_OUTCOME_TRY(prune_journal(txn, changes));
  BOOST_OUTCOME_TRY(txn.put(meta_, kTotals, encode(changes.totals)));
  return txn.commit();
}

Result<void> LmdbFailureStore::put_journal(lmdb::WriteTxn& txn, const ports::Changes& changes) {
  for (const auto& entry : changes.journal) {
    const auto sequence = lmdb::key_u64(entry.sequence);
    BOOST_OUTCOME_TRY(txn.put(journal_, sequence, encode(entry)));
    for (const auto& key : entry.repeat_keys) {
      BOOST_OUTCOME_TRY(txn.put(repeats_, key_of(key), sequence));
    }
    if (entry.kind.empty()) continue;
    if (!entry.task.empty()) {
      BOOST_OUTCOME_TRY(txn.put(tasks_, key_of(entry.kind) + key_of(entry.task), sequence));
    }
    if (!entry.agent.empty()) {
      BOOST_OUTCOME_TRY(txn.put(tasks_, key_of(entry.kind) + key_of(entry.agent), sequence + kAgentMark));
    }
    if (entry.event_id.empty()) continue;
    std::size_t known = 0;
    const auto prefix = key_of(entry.kind);
    BOOST_OUTCOME_TRY(txn.scan(evidence_, prefix, [&](std::string_view key, std::string_view) {
      return key.starts_with(prefix) && ++known < kEvidencePerKind;
    }));
    if (known < kEvidencePerKind) {
      BOOST_OUTCOME_TRY(txn.put(evidence_, prefix + sequence, entry.event_id));
    }
  }
  return outcome::success();
}

Result<void> LmdbFailureStore::prune_journal(lmdb::WriteTxn& txn, const ports::Changes& changes) {
  if (changes.journal_entries_max == 0 || changes.totals.next_sequence <= changes.journal_entries_max) return outcome::success();
  const auto keep_from = changes.totals.next_sequence - changes.journal_entries_max;
  std::vector<ports::JournalEntry> old;
  Result<void> failed = outcome::success();
  BOOST_OUTCOME_TRY(txn.scan(journal_, {}, [&](std::string_view key, std::string_view value) {
    if (lmdb::u64_of_key(key) >= keep_from || old.size() >= kPrunedPerCommit) return false;
    ports::JournalEntry entry;
    failed = decode(value, entry);
    old.push_back(std::move(entry));
    return failed.has_value();
  }));
  BOOST_OUTCOME_TRY(failed);
  for (const auto& entry : old) {
    BOOST_OUTCOME_TRY(txn.erase(journal_, lmdb::key_u64(entry.sequence)));
    for (const auto& key : entry.repeat_keys) {
      BOOST_OUTCOME_TRY(txn.erase(repeats_, key_of(key)));
    }
    for (const auto& counted : {entry.task, entry.agent}) {
      if (counted.empty()) continue;
      BOOST_OUTCOME_TRY(txn.erase(tasks_, key_of(entry.kind) + key_of(counted)));
    }
  }
  return outcome::success();
}

Result<void> LmdbFailureStore::forget(lmdb::WriteTxn& txn, const domain::Id& kind) {
  const auto key = key_of(kind);
  BOOST_OUTCOME_TRY(txn.erase(kinds_, key));
  BOOST_OUTCOME_TRY(txn.erase(groups_, key));
  for (const auto table : {tasks_, evidence_}) {
    std::vector<std::string> keys;
    BOOST_OUTCOME_TRY(txn.scan(table, key, [&](std::string_view found, std::string_view) {
      if (!found.starts_with(key)) return false;
      keys.emplace_back(found);
      return true;
    }));
    for (const auto& row : keys) {
      BOOST_OUTCOME_TRY(txn.erase(table, row));
    }
  }
  return outcome::success();
}

Result<bool> LmdbFailureStore::contains(lmdb::Table table, const std::string& key) {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  BOOST_OUTCOME_TRY(auto value, txn.get(table, key));
  return value.has_value();
}

Result<bool> LmdbFailureStore::is_repeat(const domain::Id& key) { return contains(repeats_, key_of(key)); }

Result<bool> LmdbFailureStore::has_task(const domain::Id& kind, const domain::Id& task) {
  return contains(tasks_, key_of(kind) + key_of(task));
}

Result<void> LmdbFailureStore::each_task(const domain::Id& kind, const std::function<void(const domain::Id& id, bool agent)>& visit) {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  const auto prefix = key_of(kind);
  return txn.scan(tasks_, prefix, [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(prefix)) return false;
    visit(id_of(key.substr(prefix.size())), value.ends_with(kAgentMark) && value.size() == 9);
    return true;
  });
}

Result<domain::Id> LmdbFailureStore::kind_of(const domain::Id& repeat_key) {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  BOOST_OUTCOME_TRY(const auto sequence, txn.get(repeats_, key_of(repeat_key)));
  if (!sequence) return domain::Id{};
  BOOST_OUTCOME_TRY(const auto bytes, txn.get(journal_, *sequence));
  ports::JournalEntry entry;
  if (bytes) {
    BOOST_OUTCOME_TRY(decode(*bytes, entry));
  }
  return entry.kind;
}

void LmdbFailureStore::rest() {
  (void)environment_->write();  // a write transaction gives mapped pages back, also one that is dropped
}

Result<domain::KindText> LmdbFailureStore::kind_text(const domain::Id& kind) {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  BOOST_OUTCOME_TRY(auto value, txn.get(kinds_, key_of(kind)));
  if (!value) return Error{Code::NotFound, "no kind of failure id=" + text(kind)};
  domain::KindText found;
  BOOST_OUTCOME_TRY(decode(*value, found));
  return found;
}

Result<std::vector<std::string>> LmdbFailureStore::evidence(const domain::Id& kind, std::size_t limit) {
  std::vector<std::string> ids;
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  const auto prefix = key_of(kind);
  BOOST_OUTCOME_TRY(txn.scan(evidence_, prefix, [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(prefix) || ids.size() >= limit) return false;
    ids.emplace_back(value);
    return true;
  }));
  return ids;
}

}  // namespace swarm::analyst::adapters

#include <algorithm>

#include "adapters/codec/record.hpp"
#include "adapters/lmdb/task_store.hpp"

// Changes on their way to the common knowledge.
namespace swarm::orchestrator::lmdb_store {
namespace {

constexpr std::string_view kLastKey = "told";
constexpr std::size_t kEraseAtOnce = 10'000;

}  // namespace

Result<void> LmdbTaskStore::read_feed() {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  BOOST_OUTCOME_TRY(const auto last, txn.get(tables_.meta, kLastKey));
  if (last) feed_last_ = lmdb::u64_of_key(*last);
  feed_erased_ = feed_last_;
  return txn.scan(tables_.told, {}, [&](std::string_view key, std::string_view) {
    feed_erased_ = lmdb::u64_of_key(key) - 1;
    return false;
  });
}

/// What was told is dropped by the way: it costs no commit of its own.
Result<void> LmdbTaskStore::write_feed(lmdb::WriteTxn& txn, const Changes& changes, std::uint64_t& last, std::uint64_t& erased) {
  const std::uint64_t told = told_;
  last = std::max(last, told);
  codec::Writer out;
  for (const auto& change : changes.told) {
    out.clear();
    codec::encode(out, change);
    BOOST_OUTCOME_TRY(txn.put(tables_.told, lmdb::key_u64(++last), out.bytes()));
  }
  if (last != feed_last_) {
    BOOST_OUTCOME_TRY(txn.put(tables_.meta, kLastKey, lmdb::key_u64(last)));
  }
  const std::uint64_t end = std::max(told, last - std::min(last, options_.untold_max));
  if (end <= erased) return outcome::success();
  std::vector<std::string> gone;
  BOOST_OUTCOME_TRY(txn.scan(tables_.told, {}, [&](std::string_view key, std::string_view) {
    if (lmdb::u64_of_key(key) > end || gone.size() == kEraseAtOnce) return false;
    gone.emplace_back(key);
    return true;
  }));
  for (const auto& key : gone) {
    BOOST_OUTCOME_TRY(txn.erase(tables_.told, key));
  }
  erased = gone.size() < kEraseAtOnce ? end : lmdb::u64_of_key(gone.back());
  return outcome::success();
}

Result<ChangeFeed::Page> LmdbTaskStore::changes(std::uint64_t after, std::size_t limit) const {
  BOOST_OUTCOME_TRY(const auto txn, environment_->read());
  Page page;
  bool torn = false;
  BOOST_OUTCOME_TRY(txn.scan(tables_.told, lmdb::key_u64(after + 1), [&](std::string_view key, std::string_view bytes) {
    if (page.changes.size() == limit) return false;
    if (page.first == 0) page.first = lmdb::u64_of_key(key);
    // Behind a gap begins another page: its numbers follow each other.
    if (lmdb::u64_of_key(key) != page.first + page.changes.size()) return false;
    auto change = codec::decode_told(bytes);
    torn = !change;
    if (change) page.changes.push_back(std::move(*change));
    return !torn;
  }));
  if (torn && page.changes.empty()) return Error{Code::DataLoss, "a change that waits to be told is malformed or newer than this program"};
  return page;
}

}  // namespace swarm::orchestrator::lmdb_store

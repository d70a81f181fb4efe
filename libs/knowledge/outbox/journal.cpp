#include "libs/knowledge/outbox/journal.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <memory>

namespace swarm::knowledge {
namespace {

constexpr std::string_view kSentKey = "sent";
constexpr std::string_view kMarkPrefix = "mark:";
constexpr std::size_t kForgetAtOnce = 1'000;
const Error kTorn{Code::DataLoss, "an entry of the knowledge journal can't be read"};

void put_part(std::string& out, std::string_view part) {
  const auto size = static_cast<std::uint32_t>(part.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += part;
}

bool take_part(std::string_view& in, std::string& out) {
  std::uint32_t size = 0;
  if (in.size() < sizeof size) return false;
  std::memcpy(&size, in.data(), sizeof size);
  in.remove_prefix(sizeof size);
  if (in.size() < size) return false;
  out.assign(in.substr(0, size));
  in.remove_prefix(size);
  return true;
}

std::string encoded(const Statement& s, std::int64_t at_ms) {
  std::string out(reinterpret_cast<const char*>(&at_ms), sizeof at_ms);
  out += s.object_is_text ? 'T' : 'I';
  put_part(out, s.subject);
  put_part(out, s.predicate);
  put_part(out, s.object);
  return out;
}

std::int64_t time_of(std::string_view entry) {
  std::int64_t at_ms = 0;
  if (entry.size() >= sizeof at_ms) std::memcpy(&at_ms, entry.data(), sizeof at_ms);
  return at_ms;
}

Result<Statement> decoded(std::string_view entry) {
  if (entry.size() <= sizeof(std::int64_t)) return kTorn;
  Statement s;
  s.object_is_text = entry[sizeof(std::int64_t)] == 'T';
  entry.remove_prefix(sizeof(std::int64_t) + 1);
  if (!take_part(entry, s.subject) || !take_part(entry, s.predicate) || !take_part(entry, s.object)) return kTorn;
  return s;
}

/// 128 bits of a good hash: no two of a billion statements are taken for one.
std::string digest(const Statement& s) {
  const auto body = encoded(s, 0);
  const auto hash = XXH3_128bits(body.data(), body.size());
  return lmdb::key_u64(hash.high64) + lmdb::key_u64(hash.low64);
}

Result<std::uint64_t> sent_of(const lmdb::ReadTxn& txn, lmdb::Table state) {
  BOOST_OUTCOME_TRY(const auto value, txn.get(state, kSentKey));
  return value ? lmdb::u64_of_key(*value) : 0;
}

Result<std::uint64_t> edge(const lmdb::ReadTxn& txn, lmdb::Table entries, bool newest) {
  std::uint64_t number = 0;
  const auto visit = [&](std::string_view key, std::string_view) {
    number = lmdb::u64_of_key(key);
    return false;
  };
  BOOST_OUTCOME_TRY(newest ? txn.scan_reverse(entries, "", visit) : txn.scan(entries, "", visit));
  return number;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(lmdb::Environment& environment, Limits limits) {
  BOOST_OUTCOME_TRY(const auto entries, environment.table("outbox_entries"));
  BOOST_OUTCOME_TRY(const auto known, environment.table("outbox_known"));
  BOOST_OUTCOME_TRY(const auto state, environment.table("outbox_state"));
  return std::unique_ptr<Journal>(new Journal(environment, limits, entries, known, state));
}

Result<std::size_t> Journal::append(const std::vector<Statement>& statements, WallTime now, const Mark* mark) {
  BOOST_OUTCOME_TRY(auto txn, environment_.write());
  BOOST_OUTCOME_TRY(auto last, edge(txn, entries_, true));
  BOOST_OUTCOME_TRY(const auto sent, sent_of(txn, state_));
  // Numbers are never used twice, also when everything sent was forgotten.
  last = std::max(last, sent);
  std::size_t added = 0;
  for (const auto& s : statements) {
    const auto key = digest(s);
    BOOST_OUTCOME_TRY(const auto known, txn.get(known_, key));
    if (known) continue;
    if (last - sent >= limits_.unsent_max) {
      return Error{Code::ResourceExhausted, "the knowledge journal holds " + std::to_string(last - sent) + " unsent statements already"};
    }
    ++last;
    ++added;
    BOOST_OUTCOME_TRY(txn.put(entries_, lmdb::key_u64(last), encoded(s, unix_ms(now))));
    BOOST_OUTCOME_TRY(txn.put(known_, key, lmdb::key_u64(last)));
  }
  if (mark != nullptr) {
    BOOST_OUTCOME_TRY(txn.put(state_, std::string(kMarkPrefix) + mark->name, mark->value));
  }
  if (added > 0 || mark != nullptr) {
    BOOST_OUTCOME_TRY(txn.commit());
  }
  return added;
}

Result<std::optional<std::string>> Journal::marked(const std::string& name) const {
  BOOST_OUTCOME_TRY(const auto txn, environment_.read());
  BOOST_OUTCOME_TRY(const auto value, txn.get(state_, std::string(kMarkPrefix) + name));
  return value ? std::optional(std::string(*value)) : std::nullopt;
}

Result<Journal::Batch> Journal::next(std::size_t bytes_max, std::size_t count_max) const {
  BOOST_OUTCOME_TRY(const auto txn, environment_.read());
  BOOST_OUTCOME_TRY(const auto sent, sent_of(txn, state_));
  Batch batch;
  std::size_t bytes = 0;
  bool torn = false;
  BOOST_OUTCOME_TRY(txn.scan(entries_, lmdb::key_u64(sent + 1), [&](std::string_view key, std::string_view value) {
    bytes += value.size() + 32;
    if (!batch.statements.empty() && (bytes > bytes_max || batch.statements.size() >= count_max)) return false;
    auto statement = decoded(value);
    torn = !statement;
    if (torn) return false;
    if (batch.statements.empty()) batch.oldest_ms = time_of(value);
    batch.statements.push_back(std::move(statement).value());
    batch.last = lmdb::u64_of_key(key);
    return true;
  }));
  if (torn) return kTorn;
  return batch;
}

Result<void> Journal::mark_sent(std::uint64_t last) {
  BOOST_OUTCOME_TRY(auto txn, environment_.write());
  BOOST_OUTCOME_TRY(txn.put(state_, kSentKey, lmdb::key_u64(last)));
  BOOST_OUTCOME_TRY(forget_oldest(txn, last));
  return txn.commit();
}

Result<void> Journal::forget_oldest(lmdb::WriteTxn& txn, std::uint64_t sent) const {
  std::vector<std::pair<std::string, std::string>> gone;  // keys of both tables
  bool torn = false;
  BOOST_OUTCOME_TRY(txn.scan(entries_, "", [&](std::string_view key, std::string_view value) {
    if (lmdb::u64_of_key(key) + limits_.kept_max > sent || gone.size() == kForgetAtOnce) return false;
    const auto statement = decoded(value);
    torn = !statement;
    if (torn) return false;
    gone.emplace_back(key, digest(statement.value()));
    return true;
  }));
  if (torn) return kTorn;
  for (const auto& [entry, known] : gone) {
    BOOST_OUTCOME_TRY(txn.erase(entries_, entry));
    BOOST_OUTCOME_TRY(txn.erase(known_, known));
  }
  return outcome::success();
}

Result<void> Journal::rewind() {
  BOOST_OUTCOME_TRY(auto txn, environment_.write());
  BOOST_OUTCOME_TRY(const auto first, edge(txn, entries_, false));
  if (first == 0) return outcome::success();
  BOOST_OUTCOME_TRY(txn.put(state_, kSentKey, lmdb::key_u64(first - 1)));
  return txn.commit();
}

Result<std::optional<Statement>> Journal::statement(std::uint64_t number) const {
  BOOST_OUTCOME_TRY(const auto txn, environment_.read());
  BOOST_OUTCOME_TRY(const auto entry, txn.get(entries_, lmdb::key_u64(number)));
  if (!entry) return std::optional<Statement>();
  BOOST_OUTCOME_TRY(auto found, decoded(*entry));
  return std::optional(std::move(found));
}

Result<Journal::Position> Journal::position() const {
  BOOST_OUTCOME_TRY(const auto txn, environment_.read());
  Position p;
  BOOST_OUTCOME_TRY(const auto sent, sent_of(txn, state_));
  BOOST_OUTCOME_TRY(const auto last, edge(txn, entries_, true));
  BOOST_OUTCOME_TRY(const auto first, edge(txn, entries_, false));
  BOOST_OUTCOME_TRY(const auto oldest, txn.get(entries_, lmdb::key_u64(sent + 1)));
  p.first = first;
  p.last = std::max(last, sent);
  p.sent = sent;
  if (oldest) p.oldest_unsent_ms = time_of(*oldest);
  return p;
}

}  // namespace swarm::knowledge

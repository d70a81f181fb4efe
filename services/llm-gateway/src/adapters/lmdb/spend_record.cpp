#include "adapters/lmdb/spend_record.hpp"

#include "adapters/lmdb/record_bytes.hpp"
#include "libs/lmdb/environment.hpp"

namespace swarm::gateway {
namespace {

constexpr std::uint8_t kRowVersion = 3;        // 1: without kinds of media and note
constexpr std::uint8_t kWithoutPrompt = 2;     // still written where there is none

enum LimitFlag : std::uint8_t { kUnlimited = 1, kStrict = 2, kFailOpen = 4 };

}  // namespace

std::string encode_row(const UsageRow& row) {
  RecordWriter w(row.prompt.empty() ? kWithoutPrompt : kRowVersion);
  w.time(row.at);
  w.text(row.request_id);
  w.text(row.team);
  w.text(row.key);
  w.text(row.task);
  w.text(row.model);
  w.text(row.upstream);
  w.text(row.price_version);
  const Usage& u = row.usage;
  for (const auto n : {u.input, u.cache_read, u.cache_write, u.cache_write_1h, u.output, u.reasoning}) w.number(n);
  w.number(static_cast<std::uint8_t>(u.estimated));
  w.number(static_cast<std::uint8_t>(row.ending));
  w.number(row.status);
  w.number(row.duration_ms);
  w.money(row.settlement.cost);
  w.time(row.settlement.reserved_at);
  w.number(row.settlement.mask);
  for (const auto n : {u.audio_input, u.audio_output, u.image_input}) w.number(n);
  w.number(static_cast<std::uint8_t>(u.batch));
  w.text(row.note);
  if (!row.prompt.empty()) w.text(row.prompt);
  return w.take();
}

std::optional<UsageRow> decode_row(std::string_view bytes) {
  RecordReader r(bytes, kRowVersion);
  UsageRow row;
  row.at = r.time();
  for (auto* text : {&row.request_id, &row.team, &row.key, &row.task, &row.model, &row.upstream, &row.price_version}) {
    *text = r.text();
  }
  Usage& u = row.usage;
  for (auto* n : {&u.input, &u.cache_read, &u.cache_write, &u.cache_write_1h, &u.output, &u.reasoning}) {
    *n = r.number<std::uint64_t>();
  }
  u.estimated = r.number<std::uint8_t>() != 0;
  row.ending = static_cast<Ending>(r.number<std::uint8_t>());
  row.status = r.number<std::uint16_t>();
  row.duration_ms = r.number<std::uint32_t>();
  row.settlement.cost = r.money();
  row.settlement.reserved_at = r.time();
  row.settlement.mask = r.number<std::uint16_t>();
  if (r.version() >= 2) {
    for (auto* n : {&u.audio_input, &u.audio_output, &u.image_input}) *n = r.number<std::uint64_t>();
    u.batch = r.number<std::uint8_t>() != 0;
    row.note = r.text();
  }
  if (r.version() >= 3) row.prompt = r.text();
  if (!r.good() || row.ending > Ending::Override) return std::nullopt;
  return row;
}

std::string encode_sums(const WindowSums& sums) {
  RecordWriter w;
  w.money(sums.settled);
  w.money(sums.unknown_crash);
  w.money(sums.forgiven);
  w.number(sums.requests);
  return w.take();
}

std::optional<WindowSums> decode_sums(std::string_view bytes) {
  RecordReader r(bytes);
  WindowSums sums;
  sums.settled = r.money();
  sums.unknown_crash = r.money();
  sums.forgiven = r.money();
  sums.requests = r.number<std::uint64_t>();
  if (!r.good()) return std::nullopt;
  return sums;
}

std::string encode_limit(const Limit& limit) {
  RecordWriter w;
  w.number(static_cast<std::uint8_t>(limit.window));
  w.number(static_cast<std::uint8_t>((limit.unlimited ? kUnlimited : 0) | (limit.strict ? kStrict : 0) | (limit.fail_open ? kFailOpen : 0)));
  w.money(limit.amount);
  w.money(limit.overshoot_max);
  return w.take();
}

std::optional<Limit> decode_limit(std::string_view bytes) {
  RecordReader r(bytes);
  Limit limit;
  const auto window = r.number<std::uint8_t>();
  const auto flags = r.number<std::uint8_t>();
  limit.window = static_cast<WindowKind>(window);
  limit.unlimited = (flags & kUnlimited) != 0;
  limit.strict = (flags & kStrict) != 0;
  limit.fail_open = (flags & kFailOpen) != 0;
  limit.amount = r.money();
  limit.overshoot_max = r.money();
  if (!r.good() || window >= kWindowKinds) return std::nullopt;
  return limit;
}

std::string encode_override(const StoredOverride& lift) {
  RecordWriter w;
  w.text(lift.scope);
  w.money(lift.extra);
  w.time(lift.until);
  return w.take();
}

std::optional<StoredOverride> decode_override(std::string_view bytes) {
  RecordReader r(bytes);
  StoredOverride lift;
  lift.scope = r.text();
  lift.extra = r.money();
  lift.until = r.time();
  if (!r.good()) return std::nullopt;
  return lift;
}

std::string encode_money(Money money) {
  RecordWriter w;
  w.money(money);
  return w.take();
}

std::optional<Money> decode_money(std::string_view bytes) {
  RecordReader r(bytes);
  const Money money = r.money();
  if (!r.good()) return std::nullopt;
  return money;
}

std::string account_key(std::string_view scope, WindowKind window) {
  std::string key(scope);
  key.push_back('\0');
  key.push_back(static_cast<char>(window));
  return key;
}

std::string window_key(std::string_view scope, WindowKind window, WallTime start) {
  return account_key(scope, window) + lmdb::key_u64(static_cast<std::uint64_t>(start.time_since_epoch().count()));
}

std::optional<WindowKey> parse_key(std::string_view key) {
  const auto end = key.find('\0');
  if (end == std::string_view::npos || key.size() < end + 2) return std::nullopt;
  WindowKey out;
  out.scope = std::string(key.substr(0, end));
  const auto window = static_cast<std::uint8_t>(key[end + 1]);
  if (window >= kWindowKinds) return std::nullopt;
  out.window = static_cast<WindowKind>(window);
  const auto rest = key.substr(end + 2);
  if (rest.empty()) return out;
  if (rest.size() != sizeof(std::uint64_t)) return std::nullopt;
  out.start = WallTime(std::chrono::nanoseconds(static_cast<std::int64_t>(lmdb::u64_of_key(rest))));
  return out;
}

}  // namespace swarm::gateway

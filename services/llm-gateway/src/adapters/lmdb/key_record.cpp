#include "adapters/lmdb/key_record.hpp"

#include <algorithm>

#include "adapters/lmdb/record_bytes.hpp"

namespace swarm::gateway {
namespace {

enum KeyFlag : std::uint8_t { kPriority = 1, kBareTasks = 2 };

// The second version adds the queue. A key without one of its own is written as the first, which older releases read.
constexpr std::uint8_t kWithQueue = 2;

bool has_queue(const RateLimits& limits) {
  const RateLimits usual;
  return limits.queue_time != usual.queue_time || limits.queue_max != usual.queue_max;
}

}  // namespace

std::string encode_key(const StoredKey& key) {
  const bool queue = has_queue(key.limits);
  RecordWriter w(queue ? kWithQueue : kRecordVersion);
  w.text(key.name);
  w.text(key.team);
  w.number(static_cast<std::uint16_t>(key.models.size()));
  for (const std::string& model : key.models) w.text(model);
  for (const auto n : {key.limits.requests_per_minute, key.limits.tokens_per_minute, key.limits.parallel}) w.number(n);
  w.number(static_cast<std::uint8_t>((key.priority ? kPriority : 0) | (key.bare_tasks ? kBareTasks : 0)));
  for (const KeyHash* hash : {&key.hash, &key.previous}) w.text({reinterpret_cast<const char*>(hash->data()), hash->size()});
  for (const WallTime t : {key.previous_until, key.created, key.rotated, key.ends}) w.time(t);
  if (queue) {
    w.number(static_cast<std::int64_t>(key.limits.queue_time.count()));
    w.number(key.limits.queue_max);
  }
  return w.take();
}

std::optional<StoredKey> decode_key(std::string_view bytes) {
  RecordReader r(bytes, kWithQueue);
  StoredKey key;
  key.name = r.text();
  key.team = r.text();
  const auto models = r.number<std::uint16_t>();
  for (std::uint16_t i = 0; i < models && r.good(); ++i) key.models.push_back(r.text());
  for (auto* n : {&key.limits.requests_per_minute, &key.limits.tokens_per_minute, &key.limits.parallel}) *n = r.number<std::int64_t>();
  const auto flags = r.number<std::uint8_t>();
  key.priority = (flags & kPriority) != 0;
  key.bare_tasks = (flags & kBareTasks) != 0;
  for (KeyHash* hash : {&key.hash, &key.previous}) {
    const std::string raw = r.text();
    if (raw.size() != hash->size()) return std::nullopt;
    std::copy(raw.begin(), raw.end(), hash->begin());
  }
  for (WallTime* t : {&key.previous_until, &key.created, &key.rotated, &key.ends}) *t = r.time();
  if (r.version() >= kWithQueue) {
    key.limits.queue_time = std::chrono::milliseconds(r.number<std::int64_t>());
    key.limits.queue_max = r.number<std::int64_t>();
  }
  if (!r.good()) return std::nullopt;
  return key;
}

}  // namespace swarm::gateway

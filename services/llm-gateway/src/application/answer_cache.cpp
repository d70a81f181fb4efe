#include "application/answer_cache.hpp"

#include <openssl/sha.h>

#include <cstring>

namespace swarm::gateway {
namespace {

constexpr std::uint64_t kEntryBytes = 256;  // what an entry takes besides its body
constexpr std::uint64_t kShareMax = 8;
constexpr const char* kLookups = "swarm_gateway_cache_lookups_total";
constexpr const char* kLookupsHelp = "Requests that could be answered from the cache";

}  // namespace

AnswerCache::AnswerCache(metrics::Registry& registry, const Clock& clock, Options options)
    : clock_(clock), options_(options),
      hits_(registry.counter(kLookups, kLookupsHelp, {{"result", "hit"}})),
      misses_(registry.counter(kLookups, kLookupsHelp, {{"result", "miss"}})),
      bytes_(registry.gauge("swarm_gateway_cache_bytes", "What the cache holds", {})) {}

std::size_t AnswerCache::Hash::operator()(const Key& key) const {
  std::size_t bits = 0;
  std::memcpy(&bits, key.data(), sizeof bits);
  return bits;
}

AnswerCache::Key AnswerCache::key_of(std::string_view principal, std::string_view path, std::string_view body) {
  // Lengths first, so that no two requests run together into the same text.
  std::string head = std::to_string(principal.size()) + ':' + std::to_string(path.size()) + ':';
  head += principal;
  head += path;
  Key parts;
  SHA256(reinterpret_cast<const unsigned char*>(body.data()), body.size(), parts.data());
  head.append(reinterpret_cast<const char*>(parts.data()), parts.size());
  Key key;
  SHA256(reinterpret_cast<const unsigned char*>(head.data()), head.size(), key.data());
  return key;
}

void AnswerCache::drop(Kept& kept, std::list<Entry>::iterator entry) {
  kept.bytes -= entry->body->size() + kEntryBytes;
  kept.by_key.erase(entry->key);
  kept.entries.erase(entry);
}

std::shared_ptr<const std::string> AnswerCache::find(const Key& key) {
  const BootTime now = clock_.boot_now();
  auto found = kept_.with([&](Kept& kept) -> std::shared_ptr<const std::string> {
    const auto at = kept.by_key.find(key);
    if (at == kept.by_key.end()) return nullptr;
    if (at->second->until <= now) {
      drop(kept, at->second);
      return nullptr;
    }
    kept.entries.splice(kept.entries.begin(), kept.entries, at->second);
    return at->second->body;
  });
  (found ? hits_ : misses_).add();
  return found;
}

void AnswerCache::put(const Key& key, std::string_view body) {
  if (body.size() + kEntryBytes > options_.bytes_max / kShareMax) return;
  Entry entry{key, std::make_shared<const std::string>(body), clock_.boot_now() + options_.kept};
  const std::uint64_t bytes = kept_.with([&](Kept& kept) {
    if (const auto old = kept.by_key.find(key); old != kept.by_key.end()) drop(kept, old->second);
    kept.bytes += body.size() + kEntryBytes;
    kept.entries.push_front(std::move(entry));
    kept.by_key[key] = kept.entries.begin();
    while (kept.bytes > options_.bytes_max) drop(kept, std::prev(kept.entries.end()));
    return kept.bytes;
  });
  bytes_.set(static_cast<double>(bytes));
}

}  // namespace swarm::gateway

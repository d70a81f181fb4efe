#include "application/key_desk.hpp"

#include <algorithm>
#include <array>

#include "libs/base/uuid.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kModelsMax = 100;
constexpr std::size_t kModelBytesMax = 128;
constexpr std::int64_t kRateMax = 100'000'000;
constexpr std::chrono::minutes kQueueTimeMax{10};
constexpr std::int64_t kQueueMax = 10'000;
constexpr std::string_view kPrefix = "sk-swarm-";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

Result<void> check(const KeyDesk::Wish& wish) {
  const auto wrong = [](std::string what) { return Error{Code::InvalidArgument, std::move(what)}; };
  if (!is_name(wish.name)) return wrong("a key's name is 1 to 64 letters, digits, dots, dashes or underscores");
  if (!wish.team.empty() && !is_name(wish.team)) return wrong("a team's name is 1 to 64 letters, digits, dots, dashes or underscores");
  if (wish.models.size() > kModelsMax) return wrong("at most 100 models");
  for (const std::string& model : wish.models) {
    if (model.empty() || model.size() > kModelBytesMax) return wrong("a model's name is 1 to 128 bytes");
  }
  for (const auto n : {wish.limits.requests_per_minute, wish.limits.tokens_per_minute, wish.limits.parallel}) {
    if (n < 0 || n > kRateMax) return wrong("limits are between 0 (none) and 100000000");
  }
  if (wish.limits.queue_time.count() < 0 || wish.limits.queue_time > kQueueTimeMax) return wrong("a request may wait for its turn for at most ten minutes");
  if (wish.limits.queue_max < 1 || wish.limits.queue_max > kQueueMax) return wrong("between 1 and 10000 requests may wait for their turn");
  return outcome::success();
}

/// 256 random bits.
Secret new_secret() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, 32> bytes{};
  random_bytes(bytes.data(), bytes.size());
  std::string text(kPrefix);
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return Secret(std::move(text));
}

}  // namespace

KeyDesk::KeyDesk(KeyStore& store, KeyRing& ring, SharedBooks& books, const Clock& clock, MakePrincipal make, Bounds bounds)
    : store_(store), ring_(ring), books_(books), clock_(clock), make_(std::move(make)), bounds_(bounds) {}

Result<void> KeyDesk::load() {
  BOOST_OUTCOME_TRY(auto stored, store_.keys());
  std::lock_guard lock(mutex_);
  for (StoredKey& key : stored) {
    if (ring_.knows(key.name)) {
      return Error{Code::InvalidArgument, "the key \"" + key.name + "\" was made at run time and also stands in the configuration: rename that one"};
    }
    BOOST_OUTCOME_TRYV(put_into_force(key));
    keys_[key.name] = std::move(key);
  }
  return outcome::success();
}

Result<void> KeyDesk::put_into_force(const StoredKey& key) {
  if (ring_.knows(key.name)) {
    ring_.change(key);
    return outcome::success();
  }
  BOOST_OUTCOME_TRY(auto principal, make_(key));
  principal.id = books_.with([&](Books& books) {
    books.rates.emplace_back(key.limits);
    return static_cast<std::uint32_t>(books.rates.size() - 1);
  });
  ring_.add(key, std::move(principal));
  return outcome::success();
}

Result<void> KeyDesk::keep(const StoredKey& key) {
  // Durable first: a key that was shown must count after a crash, and one that was ended must not.
  BOOST_OUTCOME_TRYV(store_.put_key(key));
  BOOST_OUTCOME_TRYV(put_into_force(key));
  keys_[key.name] = key;
  return outcome::success();
}

Result<KeyDesk::Made> KeyDesk::create(const Wish& wish) {
  BOOST_OUTCOME_TRYV(check(wish));
  std::lock_guard lock(mutex_);
  if (ring_.knows(wish.name)) return Error{Code::AlreadyExists, "there is or was a key \"" + wish.name + "\"; names are never used twice"};
  if (keys_.size() >= bounds_.keys_max) return Error{Code::ResourceExhausted, "at most " + std::to_string(bounds_.keys_max) + " keys"};
  const WallTime now = clock_.wall_now();
  if (wish.ends && *wish.ends <= now) return Error{Code::InvalidArgument, "the key would have ended already"};
  Made made;
  made.secret = new_secret();
  made.key.name = wish.name;
  made.key.team = wish.team;
  made.key.models = wish.models;
  made.key.limits = wish.limits;
  made.key.priority = wish.priority;
  made.key.bare_tasks = wish.bare_tasks;
  made.key.hash = hash_key(made.secret.reveal());
  made.key.created = now;
  made.key.ends = wish.ends.value_or(WallTime::max());
  BOOST_OUTCOME_TRYV(keep(made.key));
  return made;
}

Result<StoredKey> KeyDesk::known(const std::string& name) const {
  const auto found = keys_.find(name);
  if (found != keys_.end()) return found->second;
  if (ring_.knows(name)) return Error{Code::FailedPrecondition, "the key \"" + name + "\" is the configuration's: change it there"};
  return Error{Code::NotFound, "no key \"" + name + "\"; ListKeys names them"};
}

Result<KeyDesk::Made> KeyDesk::rotate(const std::string& name, std::chrono::seconds grace) {
  if (grace.count() < 0 || grace > bounds_.grace_max) return Error{Code::InvalidArgument, "the time of grace is between 0 and 30 days"};
  std::lock_guard lock(mutex_);
  BOOST_OUTCOME_TRY(auto key, known(name));
  const WallTime now = clock_.wall_now();
  if (key.ends <= now) return Error{Code::FailedPrecondition, "the key \"" + name + "\" has ended; make another one"};
  Made made;
  made.secret = new_secret();
  key.previous = key.hash;
  key.previous_until = now + grace;
  key.hash = hash_key(made.secret.reveal());
  key.rotated = now;
  made.key = key;
  BOOST_OUTCOME_TRYV(keep(made.key));
  return made;
}

Result<StoredKey> KeyDesk::end(const std::string& name, WallTime at) {
  std::lock_guard lock(mutex_);
  BOOST_OUTCOME_TRY(auto key, known(name));
  const WallTime now = clock_.wall_now();
  if (key.ends <= now) return key;
  key.ends = std::max(at, now);
  BOOST_OUTCOME_TRYV(keep(key));
  return key;
}

std::vector<StoredKey> KeyDesk::list(std::string_view after, std::size_t count) const {
  std::vector<StoredKey> found;
  std::lock_guard lock(mutex_);
  for (auto it = keys_.upper_bound(after); it != keys_.end() && found.size() < count; ++it) found.push_back(it->second);
  return found;
}

}  // namespace swarm::gateway

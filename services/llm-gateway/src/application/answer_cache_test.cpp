#include "application/answer_cache.hpp"

#include <catch2/catch.hpp>

#include "libs/testing/fake_clock.hpp"

namespace swarm::gateway {
namespace {

AnswerCache::Key key(int n) { return AnswerCache::key_of("agent", "/v1/embeddings", std::to_string(n)); }

TEST_CASE("an answer is given again to the same key for the same bytes only", "[cache]") {
  metrics::Registry registry;
  testing::FakeClock clock;
  AnswerCache cache(registry, clock, {1 << 20, std::chrono::seconds(10), false});
  cache.put(AnswerCache::key_of("agent", "/v1/embeddings", "a"), "answer");
  REQUIRE(*cache.find(AnswerCache::key_of("agent", "/v1/embeddings", "a")) == "answer");
  REQUIRE_FALSE(cache.find(AnswerCache::key_of("other", "/v1/embeddings", "a")));
  REQUIRE_FALSE(cache.find(AnswerCache::key_of("agent", "/v1/embedding", "sa")));
  REQUIRE_FALSE(cache.find(AnswerCache::key_of("agent/", "v1/embeddings", "a")));
  REQUIRE_FALSE(cache.find(AnswerCache::key_of("agent", "/v1/embeddings", "a ")));
}

TEST_CASE("no answer is older than its time", "[cache]") {
  metrics::Registry registry;
  testing::FakeClock clock;
  AnswerCache cache(registry, clock, {1 << 20, std::chrono::seconds(10), false});
  cache.put(key(1), "answer");
  clock.advance(std::chrono::seconds(9));
  REQUIRE(cache.find(key(1)));
  clock.advance(std::chrono::seconds(1));
  REQUIRE_FALSE(cache.find(key(1)));
}

TEST_CASE("what was used longest ago makes room, and nothing takes more than its share", "[cache]") {
  metrics::Registry registry;
  testing::FakeClock clock;
  AnswerCache cache(registry, clock, {16 * 1024, std::chrono::seconds(10), false});
  const std::string kilobyte(1024 - 256, 'x');
  for (int n = 0; n < 16; ++n) cache.put(key(n), kilobyte);
  REQUIRE(cache.find(key(0)));
  cache.put(key(16), kilobyte);
  REQUIRE(cache.find(key(0)));
  REQUIRE_FALSE(cache.find(key(1)));
  cache.put(key(2), kilobyte);
  REQUIRE(cache.find(key(3)));
  cache.put(key(99), std::string(4096, 'x'));
  REQUIRE_FALSE(cache.find(key(99)));
}

}  // namespace
}  // namespace swarm::gateway

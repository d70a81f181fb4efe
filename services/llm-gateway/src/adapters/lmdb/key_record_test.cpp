#include "adapters/lmdb/key_record.hpp"

#include <catch2/catch.hpp>

using namespace swarm;
using namespace swarm::gateway;
using namespace std::chrono_literals;

namespace {

StoredKey key() {
  StoredKey made;
  made.name = "coder";
  made.team = "blue";
  made.models = {"small", "large"};
  made.limits.requests_per_minute = 60;
  made.limits.parallel = 2;
  made.bare_tasks = true;
  made.hash.fill(7);
  made.created = WallTime(5h);
  return made;
}

TEST_CASE("a key comes back as it was, with its queue and without one", "[spend]") {
  for (const auto queue_time : {0ms, 10'000ms}) {
    for (const std::int64_t queue_max : {100, 5}) {
      StoredKey made = key();
      made.limits.queue_time = queue_time;
      made.limits.queue_max = queue_max;
      const auto back = decode_key(encode_key(made));
      REQUIRE(back);
      CHECK(back->name == "coder");
      CHECK(back->models == made.models);
      CHECK(back->limits == made.limits);
      CHECK(back->hash == made.hash);
      CHECK(back->ends == WallTime::max());
    }
  }
}

TEST_CASE("a key without a queue of its own is written as earlier releases read it", "[spend]") {
  CHECK(encode_key(key()).front() == 1);
  StoredKey queued = key();
  queued.limits.queue_time = 1ms;
  CHECK(encode_key(queued).front() == 2);
}

TEST_CASE("a key's record that is cut or of a later version is not read", "[spend]") {
  StoredKey queued = key();
  queued.limits.queue_time = 1ms;
  const std::string whole = encode_key(queued);
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(decode_key(std::string_view(whole).substr(0, n)));
  std::string later = whole;
  later.front() = 3;
  CHECK_FALSE(decode_key(later));
}

}  // namespace

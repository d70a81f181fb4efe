#include "application/key_ring.hpp"

#include <catch2/catch.hpp>

#include "libs/testing/fake_clock.hpp"

namespace swarm::gateway {
namespace {

KeyRing::Entry entry(const std::string& name, std::uint32_t id) {
  KeyRing::Entry made;
  made.hash = hash_key("sk-" + name);
  made.principal.name = name;
  made.principal.id = id;
  return made;
}

std::unique_ptr<Principal> anybody() {
  auto made = std::make_unique<Principal>();
  made->name = "anonymous";
  return made;
}

std::string who(const KeyRing& ring, std::string_view key) {
  const Principal* found = ring.authenticate(key);
  return found == nullptr ? "" : found->name;
}

StoredKey stored(const std::string& name) {
  StoredKey key;
  key.name = name;
  key.hash = hash_key("sk-" + name);
  return key;
}

Principal principal(const std::string& name) {
  Principal made;
  made.name = name;
  return made;
}

}  // namespace

TEST_CASE("whether a key is needed depends on the configuration in force, as after a start with it", "[keys]") {
  swarm::testing::FakeClock clock;
  KeyRing ring({}, anybody(), clock);
  CHECK(who(ring, "") == "anonymous");
  CHECK(who(ring, "sk-whatever-a-client-sends") == "anonymous");
  ring.reconfigure({entry("a", 1), entry("b", 2)});
  CHECK(ring.size() == 2);
  CHECK(who(ring, "").empty());
  CHECK(who(ring, "sk-whatever-a-client-sends").empty());
  CHECK(who(ring, "sk-a") == "a");
  ring.reconfigure({entry("b", 2)});
  CHECK(ring.size() == 1);
  CHECK(who(ring, "sk-a").empty());
  CHECK(who(ring, "sk-b") == "b");
  ring.reconfigure({});
  CHECK(ring.size() == 0);
  CHECK(who(ring, "") == "anonymous");
  CHECK(who(ring, "sk-a") == "anonymous");
  CHECK(ring.knows("a"));
  CHECK(ring.configured_id("a") == 1);
}

TEST_CASE("once a key was made at run time nobody comes without one, not even when it has ended", "[keys]") {
  swarm::testing::FakeClock clock;
  KeyRing ring({entry("a", 1)}, anybody(), clock);
  ring.add(stored("made"), principal("made"));
  CHECK(ring.size() == 2);
  ring.reconfigure({});
  CHECK(who(ring, "").empty());
  CHECK(who(ring, "sk-made") == "made");
  StoredKey ended = stored("made");
  ended.ends = clock.wall_now();
  ring.change(ended);
  CHECK(who(ring, "sk-made").empty());
  CHECK(who(ring, "").empty());
}

TEST_CASE("where nobody may come without a key, that stays so with none", "[keys]") {
  swarm::testing::FakeClock clock;
  KeyRing ring({entry("a", 1)}, nullptr, clock);
  ring.reconfigure({});
  CHECK(who(ring, "").empty());
}

}  // namespace swarm::gateway

#include "libs/knowledge/link/store_link.hpp"

#include <catch2/catch.hpp>

#include "libs/knowledge/testing/synapse_process.hpp"
#include "libs/knowledge/vocabulary.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"

namespace swarm::knowledge {
namespace {

using swarm::testing::eventually;
using testing::SynapseProcess;
using std::chrono::milliseconds;

/// A link with short times, and a store that does not run yet. `process` is null where it can't be had.
struct Stage {
  explicit Stage(std::string tokens = "{}") : process(SynapseProcess::prepare(dir.path() / "storage", std::move(tokens))) {
    if (process) options.synapse.address = process->address();
    options.synapse.query_timeout = milliseconds(500);
    options.synapse.ingest_timeout = milliseconds(1'000);
    options.synapse.breaker.open_for = milliseconds(50);
    options.synapse.breaker.open_for_max = milliseconds(200);
    options.outbox.retry_first = milliseconds(20);
    options.outbox.retry_max = milliseconds(200);
    options.outbox.verify_every = milliseconds(200);
  }

  StoreLink& open() {
    link = std::move(StoreLink::open(options, dir.path() / "outbox", "test", clock, registry).value());
    return *link;
  }
  void say(int from, int to) {
    for (int n = from; n < to; ++n) {
      REQUIRE(link->knowledge().add({{stack_iri("s" + std::to_string(n % 5)), std::string(kHardConstraint),
                                      "rule \"" + std::to_string(n) + "\"\n\\", true}}));
    }
  }
  bool arrived(std::size_t count) {
    return eventually([&] {
      const auto all = link->store().all(kHardConstraint, 100'000);
      return all && all.value().size() == count && link->outbox().state().pending == 0;
    }, std::chrono::seconds(30));
  }

  swarm::testing::TempDir dir;
  std::unique_ptr<SynapseProcess> process;
  SystemClock clock;
  metrics::Registry registry;
  LinkOptions options;
  std::unique_ptr<StoreLink> link;
};

}  // namespace

TEST_CASE("a store that is absent at the start gets everything when it comes", "[grpc][link][process]") {
  Stage stage;
  if (!stage.process) return;
  stage.open();
  stage.say(0, 50);
  REQUIRE(eventually([&] { return !stage.link->well(); }));
  CHECK(stage.link->detail().find("50 statements wait for the store") == 0);
  CHECK(stage.link->store().rules_of_stack("s0").error().code == Code::Unavailable);
  stage.process->run();
  CHECK(stage.arrived(50));
  CHECK(eventually([&] { return stage.link->well(); }));
}

TEST_CASE("a store that is killed under load, with nothing saved, has everything again in the end", "[grpc][link][process]") {
  Stage stage;
  if (!stage.process) return;
  stage.process->run();
  stage.open();
  for (int round = 0; round < 3; ++round) {
    stage.say(round * 60, round * 60 + 40);
    stage.process->kill();
    stage.say(round * 60 + 40, round * 60 + 60);
    stage.process->run();
  }
  CHECK(stage.arrived(180));
  CHECK(stage.link->outbox().state().resyncs >= 1);
}

TEST_CASE("a store that comes back with an older state gets what it lacks", "[grpc][link][process]") {
  Stage stage;
  if (!stage.process) return;
  stage.process->run();
  stage.open();
  stage.say(0, 20);
  REQUIRE(stage.arrived(20));
  stage.process->interrupt();  // saved
  stage.process->run();
  stage.say(20, 40);
  REQUIRE(stage.arrived(40));
  stage.process->kill();  // the second half is lost
  stage.process->run();
  CHECK(stage.arrived(40));
  stage.process->kill();
  stage.process->wipe();
  stage.process->run();
  CHECK(stage.arrived(40));
}

TEST_CASE("a slow, a full, and a babbling store lose nothing", "[grpc][link][process]") {
  for (const auto* fault : {R"({"kind": "slow", "seconds": 2, "count": 2})", R"({"kind": "no_space", "count": 5})",
                            R"({"kind": "garbage", "count": 5})", R"({"kind": "refuse", "count": 5})"}) {
    INFO(fault);
    Stage stage;
    if (!stage.process) return;
    stage.process->run();
    stage.process->fault(fault);
    stage.open();
    stage.say(0, 30);
    CHECK(stage.arrived(30));
  }
}

TEST_CASE("a wrong token is said, and everything waits until it is right", "[grpc][link][process]") {
  Stage stage(R"({"right": ["team"]})");
  if (!stage.process) return;
  stage.options.synapse.name_space = "team";
  stage.options.synapse.token = Secret("wrong");
  stage.process->run();
  stage.open();
  stage.say(0, 5);
  REQUIRE(eventually([&] { return stage.link->detail().find("PERMISSION_DENIED: Invalid token") != std::string::npos; }));
  stage.link.reset();
  stage.options.synapse.token = Secret("right");
  stage.open();
  CHECK(stage.arrived(5));
}

}  // namespace swarm::knowledge

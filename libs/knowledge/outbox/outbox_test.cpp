#include "libs/knowledge/outbox/outbox.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>

#include "libs/async/guarded.hpp"
#include "libs/knowledge/records.hpp"
#include "libs/knowledge/vocabulary.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"

namespace swarm::knowledge {
namespace {

using swarm::testing::eventually;

/// A store that fails on command, and keeps the order in which statements came.
class FakeStore final : public RemoteStore {
 public:
  struct State {
    std::vector<Statement> arrived;  // with repeats
    std::map<Statement, int> kept;
    std::size_t largest = 0;
    Code refusing = Code::Unknown;   // Unknown: none
    std::size_t too_large = SIZE_MAX;
  };

  Result<void> send(const std::vector<Statement>& statements) override {
    return state.with([&](State& s) -> Result<void> {
      if (s.refusing != Code::Unknown) return Error{s.refusing, "on command"};
      if (statements.size() > s.too_large) return Error{Code::OutOfRange, "too large"};
      s.largest = std::max(s.largest, statements.size());
      for (const auto& statement : statements) {
        s.arrived.push_back(statement);
        ++s.kept[statement];
      }
      return outcome::success();
    });
  }
  Result<bool> holds(const Statement& statement) override {
    return state.with([&](State& s) -> Result<bool> {
      if (s.refusing != Code::Unknown) return Error{s.refusing, "on command"};
      return s.kept.contains(statement);
    });
  }
  Result<void> check(const std::vector<Statement>& statements) const override { return check_statements(statements); }

  std::size_t kept() const {
    return state.with([](const State& s) { return s.kept.size(); });
  }
  void refuse(Code code) {
    state.with([&](State& s) { s.refusing = code; });
  }

  async::Guarded<State> state;
};

std::unique_ptr<lmdb::Environment> open_environment(const std::filesystem::path& directory, std::uint64_t size_bytes_max = 0) {
  lmdb::Options options;
  options.directory = directory;
  options.identity = {"outbox-test", 1};
  options.map_bytes = 256u << 20;
  options.size_bytes_max = size_bytes_max;
  options.sync = false;
  return std::move(lmdb::Environment::open(options).value());
}

OutboxOptions quick() {
  OutboxOptions options;
  options.retry_first = std::chrono::milliseconds(1);
  options.retry_max = std::chrono::milliseconds(5);
  options.verify_every = std::chrono::milliseconds(20);
  return options;
}

Statement numbered(int n) { return {"http://e/s", "http://e/p", "text " + std::to_string(n), true}; }

struct Stage {
  std::unique_ptr<Outbox> open(OutboxOptions options = quick()) {
    if (!environment) environment = open_environment(dir.path(), size_bytes_max);
    return std::move(Outbox::open(*environment, store, clock, registry, options).value());
  }

  swarm::testing::TempDir dir;
  std::uint64_t size_bytes_max = 0;
  std::unique_ptr<lmdb::Environment> environment;
  FakeStore store;
  SystemClock clock;
  metrics::Registry registry;
};

}  // namespace

TEST_CASE("statements arrive in the order in which they were appended, in bounded batches", "[outbox]") {
  Stage stage;
  auto options = quick();
  options.batch_statements_max = 7;
  const auto outbox = stage.open(options);
  for (int n = 0; n < 100; n += 4) REQUIRE(outbox->append({numbered(n), numbered(n + 1), numbered(n + 2), numbered(n + 3)}));
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  const auto state = stage.store.state.with([](const FakeStore::State& s) { return s; });
  CHECK(state.largest <= 7);
  REQUIRE(state.arrived.size() == 100);
  for (int n = 0; n < 100; ++n) CHECK(state.arrived[static_cast<std::size_t>(n)] == numbered(n));
  CHECK(outbox->detail() == "everything arrived");
}

TEST_CASE("nothing is lost while the store refuses, and it is said", "[outbox]") {
  for (const auto code : {Code::Unavailable, Code::DeadlineExceeded, Code::PermissionDenied, Code::Internal, Code::DataLoss}) {
    Stage stage;
    stage.store.refuse(code);
    const auto outbox = stage.open();
    for (int n = 0; n < 50; ++n) REQUIRE(outbox->append({numbered(n)}));
    REQUIRE(eventually([&] { return outbox->state().failures_in_a_row > 2; }));
    CHECK(outbox->state().pending == 50);
    CHECK(outbox->detail().find(std::string(name(code))) != std::string::npos);
    CHECK(stage.registry.serialize().find("swarm_knowledge_outbox_pending 50") != std::string::npos);
    stage.store.refuse(Code::Unknown);
    REQUIRE(eventually([&] { return stage.store.kept() == 50; }));
    REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
    CHECK(outbox->state().last_error.empty());
  }
}

TEST_CASE("what was appended before a restart is sent after it, and what had arrived is not", "[outbox]") {
  Stage stage;
  {
    const auto outbox = stage.open();
    REQUIRE(outbox->append({numbered(1)}));
    REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
    stage.store.refuse(Code::Unavailable);
    REQUIRE(outbox->append({numbered(2)}));
  }
  stage.environment.reset();
  stage.store.refuse(Code::Unknown);
  const auto outbox = stage.open();
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  CHECK(stage.store.state.with([](const FakeStore::State& s) { return s.arrived; }) == std::vector{numbered(1), numbered(2)});
}

TEST_CASE("a mark is there after a restart exactly if its statements are", "[outbox]") {
  Stage stage;
  {
    const auto outbox = stage.open();
    CHECK(!outbox->marked("spend").value());
    REQUIRE(outbox->append({numbered(1)}, Journal::Mark{"spend", "7"}));
    REQUIRE(outbox->append({}, Journal::Mark{"other", "x"}));
    CHECK(!outbox->append({{"no iri", "http://e/p", "x", true}}, Journal::Mark{"spend", "9"}));
    REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  }
  stage.environment.reset();
  const auto outbox = stage.open();
  CHECK(outbox->marked("spend").value() == "7");
  CHECK(outbox->marked("other").value() == "x");
  CHECK(stage.store.kept() == 1);
}

TEST_CASE("the same statement again is neither kept nor sent twice", "[outbox]") {
  Stage stage;
  const auto outbox = stage.open();
  for (int i = 0; i < 10; ++i) REQUIRE(outbox->append({numbered(1), numbered(1), numbered(2)}));
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  CHECK(outbox->state().kept == 2);
  CHECK(stage.store.state.with([](const FakeStore::State& s) { return s.arrived.size(); }) == 2);
}

TEST_CASE("a store that comes back empty gets everything again by itself", "[outbox]") {
  Stage stage;
  const auto outbox = stage.open();
  for (int n = 0; n < 20; ++n) REQUIRE(outbox->append({numbered(n)}));
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  stage.store.state.with([](FakeStore::State& s) { s.kept.clear(); });
  REQUIRE(eventually([&] { return stage.store.kept() == 20; }));
  CHECK(outbox->state().resyncs >= 1);
}

TEST_CASE("a store that lost data is found out although it took more since", "[outbox]") {
  for (const int lost : {20, 10, 5}) {
    Stage stage;
    auto options = quick();
    options.verify_every = std::chrono::milliseconds(300);  // room to take more first
    const auto outbox = stage.open(options);
    const auto arrive = [&](int n) {
      REQUIRE(outbox->append({numbered(n)}));
      REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
    };
    for (int n = 0; n < 20; ++n) arrive(n);
    stage.store.state.with([&](FakeStore::State& s) {
      for (int n = 20 - lost; n < 20; ++n) s.kept.erase(numbered(n));
    });
    for (int n = 20; n < 25; ++n) arrive(n);
    CHECK(eventually([&] { return stage.store.kept() == 25; }));
  }
}

TEST_CASE("a resync that is asked for sends the whole journal again", "[outbox]") {
  Stage stage;
  const auto outbox = stage.open();
  for (int n = 0; n < 20; ++n) REQUIRE(outbox->append({numbered(n)}));
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  REQUIRE(outbox->resync());
  REQUIRE(eventually([&] { return stage.store.state.with([](const FakeStore::State& s) { return s.arrived.size(); }) == 40; }));
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
}

TEST_CASE("a request that the store finds too large is cut until it fits", "[outbox]") {
  Stage stage;
  stage.store.state.with([](FakeStore::State& s) { s.too_large = 3; });
  const auto outbox = stage.open();
  std::vector<Statement> all;
  for (int n = 0; n < 200; ++n) all.push_back(numbered(n));
  REQUIRE(outbox->append(all));
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  CHECK(stage.store.kept() == 200);
}

TEST_CASE("a bad statement is refused at once, with everything that came with it", "[outbox]") {
  Stage stage;
  const auto outbox = stage.open();
  CHECK(outbox->append({numbered(1), {"no iri", "http://e/p", "x", true}}).error().code == Code::InvalidArgument);
  CHECK(outbox->state().kept == 0);
}

TEST_CASE("a full journal refuses and takes again when there is room", "[outbox]") {
  Stage stage;
  stage.store.refuse(Code::Unavailable);
  auto options = quick();
  options.limits = {10, 5};
  const auto outbox = stage.open(options);
  for (int n = 0; n < 10; ++n) REQUIRE(outbox->append({numbered(n)}));
  CHECK(outbox->append({numbered(10)}).error().code == Code::ResourceExhausted);
  CHECK(outbox->append({numbered(3)}));  // known already
  stage.store.refuse(Code::Unknown);
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  REQUIRE(outbox->append({numbered(10)}));
  REQUIRE(eventually([&] { return outbox->state().pending == 0; }));
  CHECK(stage.store.kept() == 11);
  CHECK(outbox->state().kept == 5);
}

TEST_CASE("a full disk is an error of the append and loses nothing that was taken", "[outbox]") {
  Stage stage;
  stage.size_bytes_max = 1u << 20;
  const auto outbox = stage.open();
  std::size_t taken = 0;
  for (int n = 0; n < 2'000; ++n) {
    const auto appended = outbox->append({{"http://e/s", "http://e/p", std::to_string(n) + std::string(4'000, 'x'), true}});
    if (!appended) {
      CHECK(appended.error().code == Code::ResourceExhausted);
      break;
    }
    ++taken;
  }
  REQUIRE(taken > 50);
  REQUIRE(taken < 2'000);
  CHECK(eventually([&] { return stage.store.kept() == taken; }));
}

}  // namespace swarm::knowledge

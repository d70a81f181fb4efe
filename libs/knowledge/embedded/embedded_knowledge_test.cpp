#include "libs/knowledge/embedded/embedded_knowledge.hpp"

#include <catch2/catch.hpp>
#include <thread>

#include "libs/knowledge/testing/knowledge_contract.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::knowledge;
using swarm::knowledge::testing::rule;

namespace {

std::unique_ptr<lmdb::Environment> open_environment(const std::filesystem::path& directory, std::uint64_t size_bytes_max = 0) {
  lmdb::Options options;
  options.directory = directory;
  options.identity = {"knowledge-test", 1};
  options.map_bytes = 64u << 20;
  options.size_bytes_max = size_bytes_max;
  return std::move(lmdb::Environment::open(options).value());
}

}  // namespace

TEST_CASE("the embedded adapter keeps the port's contract", "[knowledge]") {
  swarm::testing::TempDir dir;
  const auto environment = open_environment(dir.path());
  const auto knowledge = std::move(EmbeddedKnowledge::open(*environment).value());
  swarm::knowledge::testing::check_knowledge_contract(*knowledge);
}

TEST_CASE("knowledge survives a restart", "[knowledge]") {
  swarm::testing::TempDir dir;
  {
    const auto environment = open_environment(dir.path());
    REQUIRE(EmbeddedKnowledge::open(*environment).value()->add({rule("react", "kept")}));
  }
  const auto environment = open_environment(dir.path());
  CHECK(EmbeddedKnowledge::open(*environment).value()->all(kHardConstraint, 9).value() == std::vector{rule("react", "kept")});
}

TEST_CASE("subjects longer than a key of the store are kept apart", "[knowledge]") {
  swarm::testing::TempDir dir;
  const auto environment = open_environment(dir.path());
  const auto knowledge = std::move(EmbeddedKnowledge::open(*environment).value());
  const std::string stem(1500, 'x');
  REQUIRE(knowledge->add({rule(stem + "1", "a"), rule(stem + "2", "a"), rule("short", "a")}));
  CHECK(knowledge->all(kHardConstraint, 9).value().size() == 3);
  CHECK(knowledge->about(stack_iri(stem + "2"), kHardConstraint).value() == std::vector{rule(stem + "2", "a")});
}

TEST_CASE("a full store refuses the whole batch", "[knowledge]") {
  swarm::testing::TempDir dir;
  const auto environment = open_environment(dir.path(), 1u << 20);
  const auto knowledge = std::move(EmbeddedKnowledge::open(*environment).value());
  REQUIRE(knowledge->add({rule("react", "small")}));
  CHECK(knowledge->add({rule("react", "also small"), rule("react", std::string(900'000, 'x')), rule("go", std::string(900'000, 'x'))}).error().code ==
        Code::ResourceExhausted);
  CHECK(knowledge->all(kHardConstraint, 9).value() == std::vector{rule("react", "small")});
}

TEST_CASE("threads may add and read at once", "[knowledge]") {
  swarm::testing::TempDir dir;
  const auto environment = open_environment(dir.path());
  const auto knowledge = std::move(EmbeddedKnowledge::open(*environment).value());
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        if (!knowledge->add({rule("react", std::to_string(t * 100 + i))})) ++failures;
        if (!knowledge->all(kHardConstraint, 1000)) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(knowledge->all(kHardConstraint, 1000).value().size() == 30);
}

#include "adapters/lmdb/task_store.hpp"

#include <catch2/catch.hpp>

#include "adapters/codec/record.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::orchestrator;

namespace {

std::unique_ptr<lmdb_store::LmdbTaskStore> open_store(const testing::TempDir& dir) {
  lmdb_store::StoreOptions options;
  options.environment.directory = dir.path();
  options.environment.identity = {"orchestrator-core", 1};
  options.environment.sync = false;
  auto store = lmdb_store::LmdbTaskStore::open(options);
  REQUIRE(store);
  return std::move(store.value());
}

TaskSpec full_spec() {
  TaskSpec spec;
  spec.id = {1, 2};
  spec.number = 7;
  spec.parent = {3, 4};
  spec.stack = "python";
  spec.role = "Coder";
  spec.first_state = "Build";
  spec.until_state = "Review";
  spec.tenant = "t";
  spec.capabilities = {"a", "b"};
  spec.permissions = {"p"};
  spec.depends_on = {{5, 6}};
  spec.labels = {{"k", "v"}};
  spec.priority = -3;
  spec.max_attempts = 4;
  spec.requires_approval = true;
  spec.created = WallTime(std::chrono::seconds(9));
  spec.key = {8, 9};
  spec.content_digest = 0xfedcba9876543210ull;
  spec.terms = std::make_shared<TaskTerms>(TaskTerms{1'500'000'000, std::chrono::milliseconds(1), std::chrono::milliseconds(2), std::chrono::milliseconds(3), "k", 4});
  return spec;
}

TaskState full_state(TaskStatus status) {
  TaskState state;
  state.status = status;
  state.workflow_state = "Build";
  state.role = "Coder";
  state.reason = "because";
  state.attempt = 2;
  state.attempts_counted = 1;
  state.leases_granted = 2;
  state.lease = {"agent", {10, 11}, {"r1"}, {"r2"}};
  state.results = {{{12, 13}, 14, TaskStatus::Failed}};
  state.rounds = {{"Review", "Build", 1}};
  state.feedback_count = 1;
  state.history_count = 1;
  state.version = 5;
  return state;
}

Changes one_task(TaskStatus status, bool is_new) {
  Changes changes;
  auto spec = std::make_shared<TaskSpec>(full_spec());
  changes.tasks.push_back({{spec, std::make_shared<TaskState>(full_state(status))}, is_new});
  if (is_new) changes.inputs.push_back({7, std::make_shared<InputTexts>(InputTexts{"Fix the Build", "context"})});
  return changes;
}

std::vector<StoredTask> recovered(lmdb_store::LmdbTaskStore& store) {
  std::vector<StoredTask> out;
  RecoverySink sink;
  sink.task = [&](StoredTask task) { out.push_back(std::move(task)); };
  sink.rule = [](GoldenRule) {};
  sink.dispatch = [](DispatchState) {};
  REQUIRE(store.recover(sink));
  CHECK(sink.next_number == 8);
  return out;
}

}  // namespace

TEST_CASE("every field of a task survives its record", "[record]") {
  codec::Writer out;
  codec::encode(out, full_spec());
  const auto spec = codec::decode_spec(out.bytes());
  REQUIRE(spec);
  codec::Writer again;
  codec::encode(again, *spec);
  CHECK(again.bytes() == out.bytes());
  CHECK(spec->depends_on == full_spec().depends_on);
  CHECK(spec->priority == -3);

  out.clear();
  codec::encode(out, full_state(TaskStatus::Running));
  const auto state = codec::decode_state(out.bytes());
  REQUIRE(state);
  again.clear();
  codec::encode(again, *state);
  CHECK(again.bytes() == out.bytes());
}

TEST_CASE("a cut or newer record is told apart at every length", "[record]") {
  codec::Writer out;
  codec::encode(out, full_state(TaskStatus::Running));
  for (std::size_t n = 0; n < out.bytes().size(); ++n) {
    CHECK_FALSE(codec::decode_state(std::string_view(out.bytes()).substr(0, n)));
  }
  auto newer = out.bytes();
  newer[0] = 2;
  CHECK_FALSE(codec::decode_state(newer));
}

TEST_CASE("a live task is recovered, a finished one is only found", "[store]") {
  testing::TempDir dir;
  auto store = open_store(dir);
  REQUIRE(store->commit(one_task(TaskStatus::Running, true)));
  REQUIRE(recovered(*store).size() == 1);
  CHECK(recovered(*store)[0].state->lease.token == LeaseToken{10, 11});
  REQUIRE(store->commit(one_task(TaskStatus::Succeeded, false)));
  CHECK(recovered(*store).empty());
  const auto found = store->find({1, 2});
  REQUIRE(found.value());
  CHECK(found.value()->state->status == TaskStatus::Succeeded);
  CHECK(store->find_key({8, 9}).value() == TaskId{1, 2});
  CHECK_FALSE(store->find({99, 99}).value());
}

TEST_CASE("a task that comes back under the id of one that is deleted in the same commit is kept", "[store]") {
  testing::TempDir dir;
  auto store = open_store(dir);
  auto first = one_task(TaskStatus::Succeeded, true);
  auto spec = std::make_shared<TaskSpec>(full_spec());
  first.inputs[0].number = spec->number -= 1;
  first.tasks[0].task.spec = spec;
  REQUIRE(store->commit(first));
  auto again = one_task(TaskStatus::Queued, true);
  again.erased.push_back({spec->number, spec->id, spec->key});
  REQUIRE(store->commit(again));
  const auto found = store->find(spec->id).value();
  REQUIRE(found);
  CHECK(found->spec->number == spec->number + 1);
  CHECK(store->find_key(spec->key).value() == spec->id);
  CHECK(recovered(*store).size() == 1);
}

TEST_CASE("tasks are listed by what they are and say", "[store]") {
  testing::TempDir dir;
  auto store = open_store(dir);
  REQUIRE(store->commit(one_task(TaskStatus::Running, true)));
  TaskFilter filter;
  filter.text = "build FIX";
  filter.labels = {{"k", "v"}};
  filter.status = TaskStatus::Running;
  CHECK(store->list(filter).value().items.size() == 1);
  filter.text = "deploy";
  CHECK(store->list(filter).value().items.empty());
}

TEST_CASE("outcomes wait until they are erased, and numbers go on after that", "[store]") {
  testing::TempDir dir;
  auto store = open_store(dir);
  Changes changes = one_task(TaskStatus::Running, true);
  changes.outcomes = {{1, {1, 2}, 1, "", "", {}, {}, true, {}}, {2, {1, 2}, 2, "", "", {}, {}, true, {}}};
  REQUIRE(store->commit(changes));
  CHECK(store->outcomes(10).value().size() == 2);
  Changes erased;
  erased.outcomes_erased_to = 2;
  REQUIRE(store->commit(erased));
  CHECK(store->outcomes(10).value().empty());
  RecoverySink sink;
  sink.task = [](StoredTask) {};
  sink.rule = [](GoldenRule) {};
  sink.dispatch = [](DispatchState) {};
  REQUIRE(store->recover(sink));
  CHECK(sink.first_outcome == 3);
  CHECK(sink.last_outcome == 2);
}

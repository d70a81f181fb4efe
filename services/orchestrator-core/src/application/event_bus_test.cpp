#include "application/event_bus.hpp"

#include <catch2/catch.hpp>

#include "application/command_queue.hpp"
#include "application/watch_hub.hpp"
#include "libs/testing/eventually.hpp"

using namespace swarm;
using namespace swarm::orchestrator;

namespace {

std::vector<EventPtr> events(int count) {
  std::vector<EventPtr> out;
  for (int i = 0; i < count; ++i) {
    auto spec = std::make_shared<TaskSpec>();
    spec->number = static_cast<TaskNumber>(i);
    out.push_back(std::make_shared<SystemEvent>(TaskChanged{{spec, std::make_shared<TaskState>()}, TaskStatus::Queued, true}));
  }
  return out;
}

TaskNumber number(const EventPtr& event) { return std::get<TaskChanged>(*event).task.spec->number; }

Command submission(std::size_t bytes) {
  Submission task;
  task.texts = std::make_shared<InputTexts>(InputTexts{std::string(bytes, 'x'), ""});
  SubmitTasks command;
  command.tasks.push_back(task);
  return command;
}

}  // namespace

TEST_CASE("a slow subscriber loses the oldest events and is told how many", "[bus]") {
  EventBus bus;
  const auto oldest = bus.subscribe("a", 4, Overflow::DropOldest);
  const auto newest = bus.subscribe("b", 4, Overflow::DropNewest);
  bus.publish(events(10));
  std::vector<EventPtr> got;
  std::uint64_t missed = 0;
  REQUIRE(oldest->take(got, missed));
  CHECK(missed == 6);
  CHECK(number(got.front()) == 6);
  REQUIRE(newest->take(got, missed));
  CHECK(missed == 6);
  CHECK(number(got.back()) == 3);
  bus.close();
  CHECK_FALSE(oldest->take(got, missed));
}

TEST_CASE("a follower that does not read keeps a bounded ring and counts the rest", "[watch]") {
  EventBus bus;
  WatchHub hub(bus, 1024, 8, 1);
  std::atomic<int> woken{0};
  const auto watcher = hub.watch({}, [&] { ++woken; });
  CHECK(hub.watch({}, [] {}) == nullptr);
  bus.publish(events(20));
  REQUIRE(testing::eventually([&] { return woken.load() == 1; }));
  std::uint64_t seen = 0;
  std::uint64_t missed = 0;
  while (auto item = watcher->next()) {
    ++seen;
    missed += item->missed;
  }
  CHECK(seen + missed == 20);
  CHECK(seen <= 8);
  hub.leave(watcher);
  CHECK(hub.followers() == 0);
}

TEST_CASE("a flood of submissions leaves room for results and heartbeats", "[queue]") {
  CommandQueue queue({.commands_max = 4, .reserved = 2, .bytes_max = 1000});
  CHECK(queue.push(submission(1), {}));
  CHECK(queue.push(submission(1), {}));
  CHECK_FALSE(queue.push(submission(1), {}));
  CHECK(queue.push(Heartbeat{}, {}));
  CHECK(queue.push(ReportResults{}, {}));
  CHECK_FALSE(queue.push(ReportResults{}, {}));
  CHECK(queue.push(BeginDrain{}, {}));  // the engine's own are never lost
  std::vector<QueuedCommand> taken;
  queue.take(taken);
  CHECK(taken.size() == 5);
  CHECK(queue.push(submission(2000), {}));  // alone it may be large
  CHECK_FALSE(queue.push(submission(10), {}));
}

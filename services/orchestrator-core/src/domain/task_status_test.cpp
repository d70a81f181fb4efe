#include "domain/task_status.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace swarm::orchestrator;

TEST_CASE("exactly these moves between statuses are legal", "[status]") {
  using enum TaskStatus;
  const std::set<std::pair<TaskStatus, TaskStatus>> legal{
      {TaskStatus::Blocked, Queued},    {TaskStatus::Blocked, Succeeded}, {TaskStatus::Blocked, TaskStatus::Cancelled},
      {TaskStatus::Blocked, Dead},      {Queued, Leased},                 {Queued, TaskStatus::Cancelled},
      {Queued, TaskStatus::Blocked},    {Queued, Dead},
      {Leased, Running},                {Leased, Queued},                 {Leased, TaskStatus::Blocked},
      {Leased, Succeeded},              {Leased, Failed},                 {Leased, TaskStatus::Cancelled},
      {Running, Queued},                {Running, TaskStatus::Blocked},   {Running, Succeeded},
      {Running, Failed},                {Running, TaskStatus::Cancelled}, {Failed, Queued},
      {Failed, Dead},                   {Failed, TaskStatus::Cancelled},
  };
  for (const auto from : kAllStatuses) {
    for (const auto to : kAllStatuses) {
      INFO(name(from) << " -> " << name(to));
      CHECK(may_move(from, to) == legal.contains({from, to}));
    }
  }
}

TEST_CASE("a finished task has nowhere to go, and every other status has a way to an end", "[status]") {
  for (const auto from : kAllStatuses) {
    bool moves = false;
    for (const auto to : kAllStatuses) moves = moves || may_move(from, to);
    CHECK(moves != is_final(from));
    CHECK((is_final(from) || may_move(from, TaskStatus::Cancelled)));
  }
}

#include "application/retention.hpp"

#include <catch2/catch.hpp>

using namespace swarm;
using namespace swarm::orchestrator;
using namespace std::chrono_literals;

TEST_CASE("what is kept goes by how a task ended, and by how many there are", "[retention]") {
  const WallTime now(std::chrono::hours(24 * 365 * 56));
  FinishedPage page;
  page.items = {{{1, 1}, TaskStatus::Succeeded, now - 3h}, {{1, 2}, TaskStatus::Dead, now - 3h}, {{1, 3}, TaskStatus::Cancelled, now - 3h},
                {{1, 4}, TaskStatus::Succeeded, now - 1min}};
  std::uint64_t none = 0;
  CHECK(overdue(page, {1h, 0ms, 0ms, 0}, now, none) == std::vector<TaskId>{{1, 1}});
  CHECK(overdue(page, {1h, 1h, 0ms, 0}, now, none) == std::vector<TaskId>{{1, 1}, {1, 3}});
  CHECK(overdue(page, {0ms, 0ms, 4h, 0}, now, none).empty());
  CHECK(overdue(page, {}, now, none).empty());
  std::uint64_t excess = 2;
  CHECK(overdue(page, {}, now, excess) == std::vector<TaskId>{{1, 1}, {1, 2}});
  CHECK(excess == 0);
  excess = 9;
  CHECK(overdue(page, {}, now, excess).size() == 4);
  CHECK(excess == 5);
  CHECK(RetentionPolicy().keeps_everything());
}

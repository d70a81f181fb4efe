#include "application/batch_grouping.hpp"

#include <tbb/blocked_range.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <unordered_map>

namespace swarm::analyst::application {

namespace {

constexpr std::size_t kGrain = 512;

struct Worker {
  explicit Worker(const std::shared_ptr<const domain::GroupingRules>& rules) : analyzer(rules) {}
  domain::Analyzer analyzer;
  std::unordered_map<domain::Id, BatchGroup, domain::IdHash> groups;
};

void count(BatchGroup& group, const domain::Id& kind, std::uint64_t rows, std::size_t first_row) {
  group.first_row = group.rows == 0 ? first_row : std::min(group.first_row, first_row);
  group.kind = kind;
  group.rows += rows;
}

}  // namespace

std::vector<BatchGroup> group_batch(std::span<const domain::FailureText> rows, std::span<RowKeys> keys, int threads,
                                    const std::shared_ptr<const domain::GroupingRules>& rules) {
  tbb::enumerable_thread_specific<Worker> workers([&rules] { return Worker(rules); });
  tbb::task_arena arena(threads);
  arena.execute([&] {
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows.size(), kGrain), [&](const auto& range) {
      Worker& worker = workers.local();
      for (std::size_t i = range.begin(); i < range.end(); ++i) {
        const auto found = worker.analyzer.analyse(rows[i]);
        keys[i] = {found.kind, found.place};
        count(worker.groups[found.kind], found.kind, 1, i);
      }
    });
  });
  std::unordered_map<domain::Id, BatchGroup, domain::IdHash> all;
  for (const auto& worker : workers)
    for (const auto& [kind, group] : worker.groups) count(all[kind], kind, group.rows, group.first_row);
  std::vector<BatchGroup> groups;
  groups.reserve(all.size());
  for (const auto& [kind, group] : all) groups.push_back(group);
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.first_row < b.first_row; });
  return groups;
}

}  // namespace swarm::analyst::application

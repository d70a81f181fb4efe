#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "domain/analysis.hpp"

namespace swarm::analyst::application {

/// Both keys of one row.
struct RowKeys {
  domain::Id kind;
  domain::Id place;
};

struct BatchGroup {
  domain::Id kind;
  std::uint64_t rows = 0;
  std::size_t first_row = 0;
};

/// Analyses many failures at once on up to `threads` threads. Writes the keys of row i to keys[i] and gives the groups in
/// the order of their first rows: the same for any number of threads. Rows are only read.
std::vector<BatchGroup> group_batch(std::span<const domain::FailureText> rows, std::span<RowKeys> keys, int threads,
                                    const std::shared_ptr<const domain::GroupingRules>& rules = nullptr);

}  // namespace swarm::analyst::application

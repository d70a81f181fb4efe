#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/telemetry/metrics.hpp"

namespace swarm::metrics {

bool is_metric_name(std::string_view name);
bool is_label_name(std::string_view name);

/// Writes the Prometheus text format, version 0.0.4.
class Exposition {
 public:
  /// Begins a family; its samples follow.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(std::string_view name, const Labels& labels, double value);
  void sample(std::string_view name, const Labels& labels, std::uint64_t value);
  /// `counts` has one more entry than `bounds` and is not cumulative.
  void histogram(std::string_view name, const Labels& labels, const std::vector<double>& bounds,
                 const std::vector<std::uint64_t>& counts, double sum);
  std::string take() { return std::move(text_); }

 private:
  void begin(std::string_view name, std::string_view suffix, const Labels& labels, std::string_view le = {});

  std::string text_;
};

}  // namespace swarm::metrics

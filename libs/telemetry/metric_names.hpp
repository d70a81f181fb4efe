#pragma once

#include <string_view>

namespace swarm::metrics {

/// What Prometheus takes as a name. `le` is a histogram's own label.
bool is_metric_name(std::string_view name);
bool is_label_name(std::string_view name);

}  // namespace swarm::metrics

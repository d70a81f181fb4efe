#include "libs/telemetry/metric_names.hpp"

#include <prometheus/check_names.h>

#include <string>

namespace swarm::metrics {

bool is_metric_name(std::string_view name) { return prometheus::CheckMetricName(std::string(name)); }
bool is_label_name(std::string_view name) { return name != "le" && prometheus::CheckLabelName(std::string(name)); }

}  // namespace swarm::metrics

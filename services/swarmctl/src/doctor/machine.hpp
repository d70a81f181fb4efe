#pragma once

#include <string>

#include "doctor/finding.hpp"

namespace swarm::ctl {

/// Is this machine's clock kept right by somebody?
Finding check_clock();

/// Can the services write there, and is there room? Nothing to say if the folder does not exist and was not asked for.
Findings check_data_directory(const std::string& path, bool asked_for);

}  // namespace swarm::ctl

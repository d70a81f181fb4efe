#pragma once

#include <string>
#include <vector>

#include "output/table.hpp"
#include "protos/orchestrator.pb.h"

namespace swarm::ctl {

/// "queued", "blocked (approval)", …, in its colour.
Cell status_cell(const orchestrator::Task& task);
std::string status_name(orchestrator::TaskStatus status);
/// All names that status_of() knows.
std::vector<std::string> status_names();
/// Unspecified for a name that is none.
orchestrator::TaskStatus status_of(const std::string& name);
/// True for succeeded, cancelled and dead: nothing more happens.
bool is_final(orchestrator::TaskStatus status);

/// "a, b, c".
template <class Texts>
std::string join(const Texts& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

/// Everything of one task, with its feedback and history.
void print_task(std::ostream& out, const Terminal& terminal, const orchestrator::Task& task);

}  // namespace swarm::ctl

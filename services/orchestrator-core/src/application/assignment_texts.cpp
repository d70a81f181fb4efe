#include "application/assignment_texts.hpp"

#include <algorithm>

#include "domain/text_cut.hpp"

namespace swarm::orchestrator {

Result<AssignmentTexts> assignment_texts(const TaskStore& store, const StoredTask& task, const ContextLimits& limits) {
  BOOST_OUTCOME_TRY(auto own, store.texts(*task.spec, *task.state));
  AssignmentTexts out{std::move(own.input.description), std::move(own.input.context),
                      middle_cut(own.artifact, limits.previous_bytes_max), std::move(own.feedback),
                      std::move(own.input.constraints)};
  std::vector<TaskId> sources = task.spec->depends_on;
  if (!task.spec->parent.empty()) sources.push_back(task.spec->parent);
  std::size_t room = limits.total_bytes_max;
  for (const TaskId id : sources) {
    BOOST_OUTCOME_TRY(auto source, store.find(id));
    if (!source) continue;
    BOOST_OUTCOME_TRY(auto made, store.texts(*source->spec, *source->state));
    const std::size_t share = std::min(room, limits.artifact_bytes_max);
    if (made.artifact.empty() || share == 0) continue;
    const auto artifact = middle_cut(made.artifact, share);
    room -= std::min(room, artifact.size());
    out.context += (out.context.empty() ? "" : "\n\n") + std::string("## Result of task ") + text(id) + ": " +
                   first_line(made.input.description) + "\n" + artifact;
  }
  return out;
}

}  // namespace swarm::orchestrator

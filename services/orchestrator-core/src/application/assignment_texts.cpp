#include "application/assignment_texts.hpp"

#include <algorithm>

#include "domain/text_cut.hpp"

namespace swarm::orchestrator {
namespace {

/// What there is to be downloaded of a task, a line each, as far as there is room.
void add_files(const StoredTask& task, std::string& context, std::size_t& room) {
  if (!task.state->artifacts) return;
  std::string lines;
  for (const auto& file : *task.state->artifacts) {
    if (file.accepted) lines += "\n- " + file.name + " (" + std::to_string(file.bytes) + " bytes)";
  }
  if (lines.empty() || lines.size() > room) return;
  room -= lines.size();
  context += (context.empty() ? "" : "\n\n") + std::string("## Files of task ") + text(task.spec->id) + lines;
}

}  // namespace

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
    add_files(*source, out.context, room);
    if (made.artifact.empty() || share == 0) continue;
    const auto artifact = middle_cut(made.artifact, share);
    room -= std::min(room, artifact.size());
    out.context += (out.context.empty() ? "" : "\n\n") + std::string("## Result of task ") + text(id) + ": " +
                   first_line(made.input.description) + "\n" + artifact;
  }
  return out;
}

}  // namespace swarm::orchestrator

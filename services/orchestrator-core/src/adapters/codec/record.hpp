#pragma once

#include <optional>
#include <string_view>

#include "adapters/codec/bytes.hpp"
#include "domain/effect.hpp"
#include "domain/task.hpp"

namespace swarm::orchestrator::codec {

// The store's records. Each begins with its own version, so that a field can be added without touching old records.
// decode_… gives nothing for a record that is malformed or of a newer version.

void encode(Writer& out, const TaskSpec& spec);
void encode(Writer& out, const TaskState& state);
void encode(Writer& out, const Artifact& artifact);
Artifact read_artifact(Reader& in);
void encode(Writer& out, const InputTexts& texts);
void encode(Writer& out, const Feedback& entry);
void encode(Writer& out, const Transition& entry);
void encode(Writer& out, const GoldenRule& rule);
void encode(Writer& out, const Outcome& outcome);
void encode(Writer& out, const DispatchState& state);
void encode(Writer& out, const Hold& hold);
void encode(Writer& out, const Schedule& schedule);
void encode(Writer& out, const ToldChange& change);

std::optional<TaskSpec> decode_spec(std::string_view bytes);
std::optional<TaskState> decode_state(std::string_view bytes);
std::optional<InputTexts> decode_input(std::string_view bytes);
std::optional<Feedback> decode_feedback(std::string_view bytes);
std::optional<Transition> decode_transition(std::string_view bytes);
std::optional<GoldenRule> decode_rule(std::string_view bytes);
std::optional<Outcome> decode_outcome(std::string_view bytes);
std::optional<DispatchState> decode_dispatch(std::string_view bytes);
std::optional<Hold> decode_hold(std::string_view bytes);
std::optional<Schedule> decode_schedule(std::string_view bytes);
std::optional<ToldChange> decode_told(std::string_view bytes);

}  // namespace swarm::orchestrator::codec

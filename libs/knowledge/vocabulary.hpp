#pragma once

#include <string>
#include <string_view>

#include "libs/base/result.hpp"

namespace swarm::knowledge {

// The vocabulary that the swarm's agents and the knowledge store agree on.
inline constexpr std::string_view kHardConstraint = "http://nist.gov/caisi/HardConstraint";
inline constexpr std::string_view kHasPermission = "http://swarm.os/nist/hasPermission";
inline constexpr std::string_view kRequiresPermission = "http://swarm.os/nist/requiresPermission";
inline constexpr std::string_view kType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
inline constexpr std::string_view kGeneratedAt = "http://www.w3.org/ns/prov#generatedAtTime";
// Runs and failures.
inline constexpr std::string_view kExecutionRecord = "http://swarm.os/ontology/ExecutionRecord";
inline constexpr std::string_view kResultState = "http://nist.gov/caisi/resultState";
inline constexpr std::string_view kAssociatedWith = "http://www.w3.org/ns/prov#wasAssociatedWith";
inline constexpr std::string_view kHistoryNote = "http://www.w3.org/2004/02/skos/core#historyNote";
inline constexpr std::string_view kHasStack = "http://swarm.os/ontology/hasStack";
inline constexpr std::string_view kIsConsolidated = "http://swarm.os/ontology/isConsolidated";
inline constexpr std::string_view kRelatedTask = "http://swarm.os/ontology/relatedTask";
/// Where our own orchestrators write their executions, as {task}/{attempt}.
inline constexpr std::string_view kOwnExecutions = "http://swarm.os/ontology/execution/";
// Tasks.
inline constexpr std::string_view kTaskTransition = "http://swarm.os/ontology/TaskTransition";
inline constexpr std::string_view kOfTask = "http://swarm.os/ontology/ofTask";
inline constexpr std::string_view kTaskState = "http://swarm.os/ontology/taskState";
inline constexpr std::string_view kReason = "http://swarm.os/ontology/reason";
// Money.
inline constexpr std::string_view kSpendEvent = "http://swarm.os/ontology/SpendEvent";
inline constexpr std::string_view kLimitEvent = "http://swarm.os/ontology/LimitEvent";
inline constexpr std::string_view kScope = "http://swarm.os/ontology/scope";
inline constexpr std::string_view kDate = "http://swarm.os/ontology/date";
inline constexpr std::string_view kAmount = "http://swarm.os/ontology/amount";
// The kill switch.
inline constexpr std::string_view kStatusChange = "http://nist.gov/caisi/StatusChangeEvent";
inline constexpr std::string_view kNewStatus = "http://nist.gov/caisi/newStatus";
inline constexpr std::string_view kSystemControl = "http://nist.gov/caisi/SystemControl";
inline constexpr std::string_view kStatusHistory = "http://nist.gov/caisi/hasStatusHistory";

/// `http://swarm.os/stack/{stack}`: whose golden rules these are. The name is percent-encoded where it must be.
std::string stack_iri(std::string_view stack);
/// `http://swarm.os/agent/{name}`.
std::string agent_iri(std::string_view name);
/// `http://swarm.os/role/{name}`.
std::string role_iri(std::string_view name);


/// Encodes each byte that is not a letter, a digit or one of - . _ ~ as %XX, so that any text is one segment of an IRI.
std::string percent_encode(std::string_view text);
/// The opposite; what is no encoding stays as it is.
std::string percent_decode(std::string_view text);
/// What follows the last slash or hash, decoded: "Coder" of http://role/Coder.
std::string name_of_iri(std::string_view iri);
/// InvalidArgument unless it has a scheme, no space, control or <>"{}|\^` character, is UTF-8, and at most 2,000 bytes
/// long. A store that does not look loses its data to one bad IRI, so every adapter looks.
Result<void> check_iri(std::string_view iri);
/// InvalidArgument unless it is UTF-8 without NUL and at most 1 MiB.
Result<void> check_text(std::string_view text);
/// The text as a store can keep it: what is no UTF-8, and NUL, become U+FFFD; beyond `bytes_max` it is cut.
std::string storable_text(std::string_view text, std::size_t bytes_max = 256u << 10);

}  // namespace swarm::knowledge

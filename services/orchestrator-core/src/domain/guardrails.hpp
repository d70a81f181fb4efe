#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/requirements.hpp"
#include "domain/task.hpp"

namespace swarm::orchestrator {

/// One rule that nobody may break, as data. An empty list or zero means: not restricted.
struct Policy {
  std::string id;
  std::string control;                // of NIST SP 800-53 that it enforces, e.g. "AC-6"
  std::string tenant;                 // whose tasks; empty: everybody's
  std::vector<std::string> stacks;    // that a task may be of
  std::vector<std::string> tools;     // that a task may require (required_capabilities)
  std::vector<std::string> hosts;     // that the URLs of a task's text and artefacts may name; "*.x" names those below x
  std::vector<std::string> forbidden; // texts that must not stand in an artefact
  std::int64_t budget_nanos_max = 0;  // of one task; one without a budget gets this one
};

/// Permissions of agents, as configured. A name that ends in '*' stands for all that begin so.
struct Grant {
  std::string agent;
  std::vector<std::string> permissions;
};

/// A refusal, with the control that demands it.
struct Denial {
  std::string policy;
  std::string control;
  std::string why;

  std::string text() const;
};

/// What is checked of tasks and results before the engine sees them. A value: read at start, then only read.
class Guardrails {
 public:
  Guardrails() = default;
  Guardrails(std::vector<Policy> policies, std::vector<Grant> grants);

  /// Of a submission with its text. May set the budget that a policy gives it.
  std::optional<Denial> check(TaskSpec& spec, std::string_view description) const;
  /// Of an artefact; only policies of every tenant apply, as a result does not say whose task it was.
  std::optional<Denial> check_artifact(std::string_view artifact) const;

  /// False: check_artifact() has nothing to look for.
  bool looks_at_artifacts() const;
  bool grants_configured() const { return !grants_.empty(); }
  /// What the agent is granted; sorted.
  std::vector<std::string> granted(std::string_view agent) const;
  std::size_t policies() const { return policies_.size(); }

 private:
  std::vector<Policy> policies_;
  std::vector<Grant> grants_;
};

/// The first host of a URL in the text that none of the patterns names; empty: none.
std::string foreign_host(std::string_view text, const std::vector<std::string>& allowed);

}  // namespace swarm::orchestrator

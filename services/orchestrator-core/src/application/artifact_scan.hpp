#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "application/rule_checks.hpp"
#include "domain/guardrails.hpp"

namespace swarm::orchestrator {

/// Looks through an artefact that comes piece by piece, in bounded memory: for what policies forbid, and for what the machine
/// checks of golden rules look for. Each look goes over the end of the one before, so that what lies across two pieces is
/// found too; a match of a pattern that is longer than 62 KiB may be missed. One thread at a time.
class ArtifactScan {
 public:
  /// `guardrails` may be null.
  ArtifactScan(const Guardrails* guardrails, RuleCheckList checks);
  ArtifactScan(ArtifactScan&&) noexcept;
  ~ArtifactScan();

  /// False: there is nothing to look for.
  bool wanted() const { return (guardrails_ != nullptr && guardrails_->looks_at_artifacts()) || !checks_.empty(); }
  void add(std::string_view bytes);
  /// The end has come.
  void finish();

  const std::optional<Denial>& denial() const { return denial_; }
  /// One for each rule whose must_not_match stands in it.
  std::vector<std::string> breaches() const { return breaches_; }
  /// Rules whose must_match stands in it.
  std::vector<std::string> fulfils() const { return {fulfilled_.begin(), fulfilled_.end()}; }

 private:
  void look(bool last);
  void look_for(const RuleCheck& check, std::size_t from, std::size_t to);

  const Guardrails* guardrails_;
  RuleCheckList checks_;
  std::string window_;          // what was looked at last, as far as it is looked at again, and what came since
  std::size_t looked_at_ = 0;   // bytes of the window
  bool is_beginning_ = true;    // the window begins where the artefact does
  std::optional<Denial> denial_;
  std::vector<std::string> breaches_;
  std::set<std::string> broken_;
  std::set<std::string> fulfilled_;
};

}  // namespace swarm::orchestrator

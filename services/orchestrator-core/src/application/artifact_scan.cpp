#include "application/artifact_scan.hpp"

#include <re2/re2.h>

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kLookEvery = 256u << 10;  // so that many small pieces cost no more than few large ones
constexpr std::size_t kCarry = 64u << 10;
constexpr std::size_t kTail = 2u << 10;         // held back until more is known: a word or a line may go on
constexpr std::size_t kHostReach = 1'100;       // as far as a host is looked for behind "://", and more

/// As much of a text that goes on as holds no URL whose host may go on.
std::string_view whole_hosts(std::string_view text) {
  const auto at = text.rfind("://");
  return at != std::string_view::npos && text.size() - at < kHostReach ? text.substr(0, at) : text;
}

}  // namespace

ArtifactScan::ArtifactScan(const Guardrails* guardrails, RuleCheckList checks) : guardrails_(guardrails), checks_(std::move(checks)) {}
ArtifactScan::ArtifactScan(ArtifactScan&&) noexcept = default;
ArtifactScan::~ArtifactScan() = default;

void ArtifactScan::add(std::string_view bytes) {
  if (!wanted() || denial_) return;
  window_.append(bytes);
  if (window_.size() - looked_at_ >= kLookEvery) look(false);
}

void ArtifactScan::finish() {
  if (wanted() && !denial_) look(true);
  window_.clear();
}

void ArtifactScan::look(bool last) {
  const std::size_t to = last ? window_.size() : window_.size() - kTail;
  // One byte of context in front, so that what looks like a beginning of the text is one.
  const std::size_t from = is_beginning_ ? 0 : 1;
  const auto seen = std::string_view(window_).substr(0, to);
  if (guardrails_ != nullptr) denial_ = guardrails_->check_artifact(last ? seen : whole_hosts(seen));
  for (const auto& check : checks_) look_for(*check, from, to);
  if (window_.size() > kCarry) {
    window_.erase(0, window_.size() - kCarry);
    is_beginning_ = false;
  }
  looked_at_ = window_.size();
}

void ArtifactScan::look_for(const RuleCheck& check, std::size_t from, std::size_t to) {
  if (from > to) return;
  const re2::StringPiece text(window_.data(), window_.size());
  re2::StringPiece found;
  if (check.must_not && !broken_.contains(check.rule_id) && check.must_not->Match(text, from, to, RE2::UNANCHORED, &found, 1)) {
    broken_.insert(check.rule_id);
    breaches_.push_back(breach_of(check, std::string_view(found.data(), found.size())));
  }
  if (check.must && !fulfilled_.contains(check.rule_id) && check.must->Match(text, from, to, RE2::UNANCHORED, nullptr, 0)) {
    fulfilled_.insert(check.rule_id);
  }
}

}  // namespace swarm::orchestrator

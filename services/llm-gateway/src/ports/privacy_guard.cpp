#include "ports/privacy_guard.hpp"

#include <algorithm>

namespace swarm::gateway {

std::string_view name(GuardAction action) {
  switch (action) {
    case GuardAction::Report: return "report";
    case GuardAction::Mask: return "mask";
    case GuardAction::Refuse: return "refuse";
  }
  return "unknown";
}

std::string_view refused_by(const GuardFindings& findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), [](const GuardFinding& one) { return one.action == GuardAction::Refuse; });
  return found == findings.end() ? std::string_view() : std::string_view(found->rule);
}

}  // namespace swarm::gateway

#include "domain/guardrails.hpp"

#include <algorithm>

#include "domain/text_cut.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // of a name, RFC 1035 2.3.4 in text form
constexpr std::size_t kShownBytesMax = 80;

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool names(const std::string& pattern, const std::string& host) {
  if (pattern.rfind("*.", 0) != 0) return pattern == host;
  const std::string_view suffix = std::string_view(pattern).substr(1);
  return host.size() > suffix.size() && std::string_view(host).substr(host.size() - suffix.size()) == suffix;
}

/// The host that stands behind "://": what user and password come before an '@' is not it.
std::string host_at(std::string_view rest) {
  const std::size_t end = std::min(rest.find_first_of("/?# \t\r\n\"'<>"), std::min(rest.size(), kHostBytesMax * 4));
  std::string_view authority = rest.substr(0, end);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::size_t size = 0;
  while (size < authority.size() && size < kHostBytesMax && is_host_char(authority[size])) ++size;
  // An address in brackets is no name; it is shown as it stands.
  if (size == 0 && !authority.empty() && authority[0] == '[') return lower(authority.substr(0, authority.find(']') + 1));
  return lower(authority.substr(0, size));
}

}  // namespace

std::string Denial::text() const {
  return "policy " + policy + (control.empty() ? "" : " (NIST " + control + ")") + ": " + why;
}

std::string foreign_host(std::string_view text, const std::vector<std::string>& allowed) {
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at + 3)) {
    std::string host = host_at(text.substr(at + 3));
    const bool known = std::any_of(allowed.begin(), allowed.end(), [&](const auto& pattern) { return names(pattern, host); });
    if (!host.empty() && !known) return host;
  }
  return {};
}

Guardrails::Guardrails(std::vector<Policy> policies, std::vector<Grant> grants)
    : policies_(std::move(policies)), grants_(std::move(grants)) {}

std::optional<Denial> Guardrails::check(TaskSpec& spec, std::string_view description) const {
  for (const auto& policy : policies_) {
    const auto deny = [&](std::string why) { return Denial{policy.id, policy.control, std::move(why)}; };
    if (!policy.tenant.empty() && policy.tenant != spec.tenant) continue;
    if (!policy.stacks.empty() && !spec.stack.empty() && !contains(policy.stacks, spec.stack)) {
      return deny("the stack '" + spec.stack + "' is not allowed");
    }
    if (!policy.tools.empty()) {
      for (const auto& tool : spec.capabilities) {
        if (!contains(policy.tools, tool)) return deny("the tool '" + tool + "' is not allowed");
      }
    }
    if (!policy.hosts.empty()) {
      if (const auto host = foreign_host(description, policy.hosts); !host.empty()) return deny("the host '" + host + "' is not allowed");
    }
    if (policy.budget_nanos_max == 0) continue;
    TaskTerms terms = spec.terms ? *spec.terms : TaskTerms();
    if (terms.budget_nanos > policy.budget_nanos_max) return deny("its budget is above what one task may spend");
    if (terms.budget_nanos == 0) {
      terms.budget_nanos = policy.budget_nanos_max;
      spec.terms = std::make_shared<TaskTerms>(terms);
    }
  }
  return std::nullopt;
}

std::optional<Denial> Guardrails::check_artifact(std::string_view artifact) const {
  for (const auto& policy : policies_) {
    if (!policy.tenant.empty()) continue;
    for (const auto& text : policy.forbidden) {
      if (artifact.find(text) == std::string_view::npos) continue;
      return Denial{policy.id, policy.control, "the artefact holds the forbidden text '" + first_line(text, kShownBytesMax) + "'"};
    }
    if (policy.hosts.empty()) continue;
    if (const auto host = foreign_host(artifact, policy.hosts); !host.empty()) {
      return Denial{policy.id, policy.control, "the artefact names the host '" + host + "', which is not allowed"};
    }
  }
  return std::nullopt;
}

bool Guardrails::looks_at_artifacts() const {
  return std::any_of(policies_.begin(), policies_.end(), [](const auto& policy) {
    return policy.tenant.empty() && (!policy.forbidden.empty() || !policy.hosts.empty());
  });
}

std::vector<std::string> Guardrails::granted(std::string_view agent) const {
  std::vector<std::string> out;
  for (const auto& grant : grants_) {
    const bool all_of = !grant.agent.empty() && grant.agent.back() == '*';
    const bool fits = all_of ? agent.substr(0, grant.agent.size() - 1) == std::string_view(grant.agent).substr(0, grant.agent.size() - 1)
                             : agent == grant.agent;
    if (fits) out.insert(out.end(), grant.permissions.begin(), grant.permissions.end());
  }
  return normalised(std::move(out));
}

}  // namespace swarm::orchestrator

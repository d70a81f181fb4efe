#include "adapters/guard/text_guard.hpp"

#include <algorithm>

#include "adapters/codec/json_text.hpp"
#include "adapters/guard/event_guard.hpp"
#include "adapters/guard/json_texts.hpp"

namespace swarm::gateway {
namespace {

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace

TextGuard::TextGuard(GuardOptions options, metrics::Registry& registry) : options_(std::move(options)), rules_(options_.rules) {
  for (const GuardRule& rule : rules_.rules()) {
    marks_.push_back("[REDACTED:" + rule.name + "]");
    for (const auto direction : {GuardDirection::Request, GuardDirection::Answer}) {
      counters_[static_cast<std::size_t>(direction)].push_back(&registry.counter(
          "swarm_gateway_guard_findings_total", "Secrets and personal data that a rule found",
          {{"guard", options_.name}, {"rule", rule.name}, {"action", std::string(gateway::name(rule.action))},
           {"direction", direction == GuardDirection::Request ? "request" : "answer"}}));
    }
  }
}

void TextGuard::count(GuardDirection direction, std::size_t rule, GuardFindings& findings) const {
  counters_[static_cast<std::size_t>(direction)][rule]->add();
  const GuardRule& found = rules_.rules()[rule];
  const auto known = std::find_if(findings.begin(), findings.end(), [&](const GuardFinding& one) { return one.rule == found.name; });
  if (known != findings.end()) ++known->count;
  else findings.push_back({found.name, found.action, 1});
}

GuardFindings TextGuard::check(GuardDirection direction, std::string_view json, std::string& masked) const {
  GuardFindings findings;
  masked.clear();
  if (!looks_like_json(json)) return findings;
  std::size_t copied = 0;
  std::string text;
  std::vector<GuardMatch> matches;
  for_each_value(json, [&](const JsonValue& value) {
    std::string_view seen = value.token;
    if (value.is_text) {
      seen = value.token.substr(1, value.token.size() - 2);
      if (seen.find('\\') != std::string_view::npos) {
        text.clear();
        append_unescaped(text, value.token);
        seen = text;
      }
    }
    if (is_blob(seen)) return;
    rules_.find(seen, matches);
    std::string fresh;
    std::size_t at = 0;
    for (const GuardMatch& match : matches) {
      count(direction, match.rule, findings);
      if (rules_.rules()[match.rule].action != GuardAction::Mask) continue;
      fresh.append(seen, at, match.begin - at).append(mark(match.rule));
      at = match.end;
    }
    if (at == 0) return;
    fresh.append(seen, at);
    masked.append(json, copied, value.at - copied);
    append_json_string(masked, fresh);  // a number becomes a text: it was none to calculate with
    copied = value.at + value.token.size();
  });
  if (copied > 0) masked.append(json, copied);
  return findings;
}

std::unique_ptr<StreamGuard> TextGuard::stream() const { return std::make_unique<EventGuard>(*this); }

}  // namespace swarm::gateway

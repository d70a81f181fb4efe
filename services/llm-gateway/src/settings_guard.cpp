// Settings of the privacy guards.
#include "settings_guard.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace swarm::gateway {
namespace {

constexpr std::size_t kRulesMax = 200;

std::optional<GuardAction> action_of(const std::string& text) {
  for (const auto action : {GuardAction::Report, GuardAction::Mask, GuardAction::Refuse}) {
    if (text == name(action)) return action;
  }
  return std::nullopt;
}

std::string check_action(const std::string& text) {
  return text == "off" || action_of(text) ? std::string() : std::string("is none of off, report, mask, refuse");
}

std::string check_rule_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return plain ? "" : "a rule's name is at most 40 letters, digits, dashes and underscores";
}

void add_family(settings::Object& o, std::string_view key, std::string_view help, RuleFamily family, std::vector<GuardRule>& rules) {
  std::string action = "off";
  o.value(key, action, help, check_action);
  const auto wanted = action_of(action);
  if (!wanted) return;
  auto more = built_in_rules(family, *wanted);
  std::move(more.begin(), more.end(), std::back_inserter(rules));
}

void read_own_rules(settings::Object& o, std::vector<GuardRule>& rules) {
  o.map("rules", "Rules of your own, by name; also in place of a built-in one.", [&](const std::string& name, settings::Object& r) {
    GuardRule rule;
    std::string action = "mask";
    rule.name = name;
    r.value("pattern", rule.pattern, "What is looked for, in RE2's syntax; where it has a group, only that is meant.");
    r.value("action", action, "off, report, mask or refuse.", check_action);
    if (const auto wrong = pattern_fault(rule.pattern); !wrong.empty()) r.fault("pattern", wrong);
    if (const auto wrong = check_rule_name(name); !wrong.empty()) r.fault("pattern", wrong);
    std::erase_if(rules, [&](const GuardRule& other) { return other.name == name; });
    rule.action = action_of(action).value_or(GuardAction::Mask);
    if (action != "off") rules.push_back(std::move(rule));
  });
}

void read_guard(const std::string& name, settings::Object& o, Settings& out) {
  GuardOptions& guard = out.guards.emplace_back();
  guard.name = name;
  add_family(o, "secrets", "What is done with cloud, service and API keys, tokens and private keys: off, report, mask or refuse.", RuleFamily::Secrets, guard.rules);
  add_family(o, "personal_data", "The same for e-mail addresses, phone and card numbers, IBANs and US social security numbers.", RuleFamily::PersonalData, guard.rules);
  std::map<std::string, std::string> actions;
  o.value("actions", actions, "Another action for single built-in rules, by name.");
  for (const auto& [rule, action] : actions) {
    const auto found = std::find_if(guard.rules.begin(), guard.rules.end(), [&, wanted = rule](const GuardRule& one) { return one.name == wanted; });
    if (found == guard.rules.end()) o.fault("actions", "no built-in rule of that name is on: \"" + rule + "\"");
    else if (const auto wrong = check_action(action); !wrong.empty()) o.fault("actions", rule + " " + wrong + ": " + action);
    else if (const auto wanted = action_of(action)) found->action = *wanted;
    else guard.rules.erase(found);
  }
  read_own_rules(o, guard.rules);
  o.value("requests", guard.requests, "Look at requests.");
  o.value("answers", guard.answers, "Look at answers, streams too.");
  std::uint64_t hold_back = guard.hold_back;
  o.bytes("hold_back", hold_back, "How much of a stream's text waits at least for what follows: as long as a find with blanks in it may be.", 16, 4096);
  guard.hold_back = static_cast<std::size_t>(hold_back);
  if (guard.rules.size() > kRulesMax) o.fault("rules", "more than " + std::to_string(kRulesMax) + " rules");
}

}  // namespace

void read_guards(settings::Object& root, Settings& out) {
  root.map("guards", "Privacy guards by name: what happens to secrets and personal data in prompts and answers.",
           [&](const std::string& name, settings::Object& o) { read_guard(name, o, out); });
  root.value("default_guard", out.default_guard, "The guard of models and routes that name none; empty: none.");
  const bool known = std::any_of(out.guards.begin(), out.guards.end(), [&](const GuardOptions& guard) { return guard.name == out.default_guard; });
  if (!out.default_guard.empty() && !known) root.fault("default_guard", "no guard of that name: \"" + out.default_guard + "\"");
}

std::int32_t read_guard_choice(settings::Object& o, const Settings& out) {
  std::string guard = out.default_guard;
  o.value("guard", guard, "Its privacy guard; left out: default_guard; none: no guard.");
  if (guard.empty() || guard == "none") return -1;
  const auto found = std::find_if(out.guards.begin(), out.guards.end(), [&](const GuardOptions& one) { return one.name == guard; });
  if (found != out.guards.end()) return static_cast<std::int32_t>(found - out.guards.begin());
  o.fault("guard", "no guard of that name: \"" + guard + "\"");
  return -1;
}

}  // namespace swarm::gateway

#include "application/rule_checks.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "application/added_lines.hpp"
#include "application/artifact_scan.hpp"
#include "domain/text_cut.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kPatternBytesMax = 1'000;
constexpr std::int64_t kPatternMemory = 1 << 20;
constexpr std::size_t kShownBytesMax = 80;
constexpr std::size_t kWhyBytesMax = 900;
constexpr std::string_view kName = "swarm_orchestrator_rule_breaches_total";
constexpr std::string_view kHelp = "Results that broke a golden rule's machine check.";

}  // namespace

std::string breach_of(const RuleCheck& check, std::string_view found) {
  return "golden rule " + check.rule_id + ": '" + first_line(found, kShownBytesMax) + "' must not stand in what is handed in (" +
         first_line(check.must_not->pattern(), kShownBytesMax) + ")";
}

RuleChecks::RuleChecks(MachineChecks mode, metrics::Registry& registry)
    : mode_(mode), warned_(registry.counter(kName, kHelp, {{"verdict", "warned"}})), returned_(registry.counter(kName, kHelp, {{"verdict", "returned"}})) {}

std::shared_ptr<const re2::RE2> RuleChecks::compile(const std::string& pattern, const std::string& rule_id) const {
  if (pattern.empty()) return nullptr;
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  auto out = std::make_shared<RE2>(pattern, options);
  if (pattern.size() <= kPatternBytesMax && out->ok()) return out;
  log::warn("the check of a golden rule is no pattern, it is left out", {{"rule", rule_id}, {"error", out->error()}});
  return nullptr;
}

void RuleChecks::put(const GoldenRule& rule) {
  if (mode_ == MachineChecks::Off) return;
  auto check = std::make_shared<RuleCheck>(RuleCheck{rule.id, compile(rule.must_not_match, rule.id), compile(rule.must_match, rule.id)});
  known_.with([&](Known& known) {
    if (check->must || check->must_not) known.checks.insert_or_assign(rule.id, std::move(check));
    else known.checks.erase(rule.id);
  });
}

RuleCheckList RuleChecks::of(const std::vector<std::string>& rule_ids) const {
  return known_.with([&](const Known& known) {
    RuleCheckList out;
    if (known.checks.empty()) return out;
    for (const auto& id : rule_ids) {
      if (const auto found = known.checks.find(id); found != known.checks.end()) out.push_back(found->second);
    }
    return out;
  });
}

std::optional<RuleChecks::Verdict> RuleChecks::judge(const TaskStore& store, TaskId task, const std::optional<LeaseToken>& token,
                                                     std::string_view artifact) const {
  if (known_.with([](const Known& known) { return known.checks.empty(); })) return std::nullopt;
  const auto stored = store.find(task);
  if (!stored || !stored.value()) return std::nullopt;
  const auto& state = *stored.value()->state;
  if ((token && *token != state.lease.token) || !has_lease(state.status)) return std::nullopt;
  const auto checks = of(state.lease.rules_given);
  if (checks.empty()) return std::nullopt;
  ArtifactScan scan(nullptr, checks);
  if (is_unified_diff(artifact)) scan.add(AddedLines().take(artifact));
  else scan.add(artifact);
  scan.finish();
  auto breaches = scan.breaches();
  auto fulfilled = scan.fulfils();
  bool anything = !artifact.empty();
  for (const auto& file : state.artifacts ? *state.artifacts : Artifacts()) {
    if (file.attempt != state.attempt) continue;
    anything = true;
    for (const auto& breach : file.breaches) breaches.push_back(breach + " [" + file.name + "]");
    fulfilled.insert(fulfilled.end(), file.fulfils.begin(), file.fulfils.end());
  }
  for (const auto& check : checks) {
    if (!check->must || !anything || std::find(fulfilled.begin(), fulfilled.end(), check->rule_id) != fulfilled.end()) continue;
    breaches.push_back("golden rule " + check->rule_id + ": nothing that was handed in holds " + first_line(check->must->pattern(), kShownBytesMax));
  }
  if (breaches.empty()) return std::nullopt;
  std::string why;
  for (const auto& breach : breaches) why += (why.empty() ? "" : "; ") + breach;
  const bool returned = mode_ == MachineChecks::Return;
  (returned ? returned_ : warned_).add();
  return Verdict{std::string(utf8_prefix(why, kWhyBytesMax)), returned};
}

}  // namespace swarm::orchestrator

#include "adapters/guard/rule_set.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "libs/base/check.hpp"

namespace swarm::gateway {
namespace {

constexpr std::int64_t kMemoryMax = 32 << 20;

RE2::Options options() {
  RE2::Options made(RE2::Latin1);  // bytes: texts need not be UTF-8
  made.set_log_errors(false);
  made.set_max_mem(kMemoryMax);
  return made;
}

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

RuleSet::RuleSet(std::vector<GuardRule> rules) : rules_(std::move(rules)), any_(std::make_unique<RE2::Set>(options(), RE2::UNANCHORED)) {
  for (const GuardRule& rule : rules_) {
    patterns_.push_back(std::make_unique<RE2>(rule.pattern, options()));
    SWARM_CHECK(patterns_.back()->ok(), "a rule's pattern was checked when it was read");
    any_->Add(rule.hint.empty() ? rule.pattern : rule.hint, nullptr);
  }
  any_->Compile();
}

void RuleSet::find(std::string_view text, std::vector<GuardMatch>& matches) const {
  matches.clear();
  if (text.empty() || rules_.empty()) return;
  std::vector<int> candidates;
  RE2::Set::ErrorInfo error{};
  if (!any_->Match(re2::StringPiece(text.data(), text.size()), &candidates, &error)) {
    if (error.kind == RE2::Set::kNoError) return;
    candidates.resize(rules_.size());  // its automaton had no room: every rule looks for itself
    std::iota(candidates.begin(), candidates.end(), 0);
  }
  for (const int rule : candidates) find_one(static_cast<std::size_t>(rule), text, matches);
  if (matches.size() < 2) return;
  std::sort(matches.begin(), matches.end(), [&](const GuardMatch& a, const GuardMatch& b) {
    return a.begin != b.begin ? a.begin < b.begin : rules_[a.rule].action > rules_[b.rule].action;
  });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < matches.size(); ++i) {
    GuardMatch& last = matches[kept];
    if (matches[i].begin >= last.end) {
      matches[++kept] = matches[i];
      continue;
    }
    if (rules_[matches[i].rule].action > rules_[last.rule].action) last.rule = matches[i].rule;
    last.end = std::max(last.end, matches[i].end);
  }
  matches.resize(kept + 1);
}

void RuleSet::find_one(std::size_t rule, std::string_view text, std::vector<GuardMatch>& matches) const {
  const RE2& pattern = *patterns_[rule];
  const int groups = 1 + pattern.NumberOfCapturingGroups();
  const re2::StringPiece whole(text.data(), text.size());
  std::array<re2::StringPiece, 2> found;
  for (std::size_t at = 0; at < text.size();) {
    if (!pattern.Match(whole, at, text.size(), RE2::UNANCHORED, found.data(), groups)) return;
    const re2::StringPiece& place = groups == 2 && found[1].data() != nullptr ? found[1] : found[0];
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    const std::string_view seen(place.data(), place.size());
    if (seen.empty() || (rules_[rule].check != nullptr && !rules_[rule].check(seen))) {
      // Another one may begin at the next word, but not within this one.
      at = begin + 1;
      while (at < text.size() && is_word(text[at]) && is_word(text[at - 1])) ++at;
      continue;
    }
    const auto place_begin = static_cast<std::size_t>(place.data() - text.data());
    matches.push_back({place_begin, place_begin + place.size(), rule});
    at = std::max(begin + 1, begin + found[0].size());
  }
}

}  // namespace swarm::gateway

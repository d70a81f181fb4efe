#include "domain/grouping_rules.hpp"

#include <re2/re2.h>

#include <array>

namespace swarm::analyst::domain {

namespace {

constexpr std::string_view kPlaceholder = "<*>";
constexpr std::string_view kDefault = "{{ default }}";
constexpr std::size_t kLineMax = 4096;
constexpr std::size_t kFingerprintMax = 400;
constexpr std::size_t kMatchesMax = 64;  // per line and mask
constexpr int kGroups = 10;

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

bool fits(const std::string& wanted, std::string_view there) { return wanted.empty() || wanted == there; }

}  // namespace

Result<std::unique_ptr<re2::RE2>> compile_pattern(std::string_view pattern, std::size_t bytes_max) {
  const auto bad = [](std::string why) { return Error{Code::InvalidArgument, std::move(why)}; };
  if (pattern.empty()) return bad("a pattern is needed");
  if (pattern.size() > bytes_max) return bad("longer than " + std::to_string(bytes_max) + " bytes");
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  options.set_encoding(RE2::Options::EncodingLatin1);  // logs are not always UTF-8
  auto compiled = std::make_unique<RE2>(piece(pattern), options);
  if (!compiled->ok()) return bad("is no pattern of RE2: " + compiled->error());
  if (RE2::PartialMatch("", *compiled)) return bad("matches the empty text");
  return compiled;
}

GroupingRules::GroupingRules() = default;
GroupingRules::~GroupingRules() = default;

Result<void> GroupingRules::add(const MaskRule& rule) {
  if (masks_.size() >= kRulesMax) return Error{Code::InvalidArgument, "more than " + std::to_string(kRulesMax) + " masks"};
  BOOST_OUTCOME_TRY(auto pattern, compile_pattern(rule.pattern, kPatternMax));
  masks_.push_back({rule, std::move(pattern)});
  return outcome::success();
}

Result<void> GroupingRules::add(const FingerprintRule& rule) {
  if (fingerprints_.size() >= kRulesMax) return Error{Code::InvalidArgument, "more than " + std::to_string(kRulesMax) + " fingerprint rules"};
  BOOST_OUTCOME_TRY(auto pattern, compile_pattern(rule.pattern, kPatternMax));
  if (rule.fingerprint.empty() || rule.fingerprint.size() > kFingerprintMax)
    return Error{Code::InvalidArgument, "fingerprint needs 1 to " + std::to_string(kFingerprintMax) + " bytes"};
  std::string why;
  if (!pattern->CheckRewriteString(rule.fingerprint, &why)) return Error{Code::InvalidArgument, "fingerprint: " + why};
  fingerprints_.push_back({rule, std::move(pattern)});
  return outcome::success();
}

std::vector<const MaskRule*> GroupingRules::all_masks() const {
  std::vector<const MaskRule*> all;
  for (const auto& one : masks_) all.push_back(&one.rule);
  return all;
}

std::vector<const FingerprintRule*> GroupingRules::all_fingerprints() const {
  std::vector<const FingerprintRule*> all;
  for (const auto& one : fingerprints_) all.push_back(&one.rule);
  return all;
}

bool GroupingRules::mask(std::string_view line, std::string& out, std::vector<std::string_view>& used) const {
  bool changed = false;
  out.assign(line.substr(0, kLineMax));
  for (const auto& [rule, pattern] : masks_) {
    std::string masked;
    std::size_t at = 0, matches = 0;
    re2::StringPiece found;
    while (matches < kMatchesMax && pattern->Match(out, at, out.size(), RE2::UNANCHORED, &found, 1) && !found.empty()) {
      const auto begin = static_cast<std::size_t>(found.data() - out.data());
      masked.append(out, at, begin - at).append(kPlaceholder);
      at = begin + found.size();
      ++matches;
    }
    if (matches == 0) continue;
    masked.append(out, at);
    out = std::move(masked);
    used.push_back(rule.name);
    changed = true;
  }
  return changed;
}

const FingerprintRule* GroupingRules::find(std::string_view stack, std::string_view role, std::string_view family, std::string_view cause_line,
                                           std::string_view built_in, std::string& fingerprint) const {
  const auto line = piece(cause_line.substr(0, kLineMax));
  for (const auto& [rule, pattern] : fingerprints_) {
    if (!fits(rule.stack, stack) || !fits(rule.role, role) || !fits(rule.family, family)) continue;
    std::array<re2::StringPiece, kGroups> groups;
    const int wanted = 1 + RE2::MaxSubmatch(rule.fingerprint);
    if (!pattern->Match(line, 0, line.size(), RE2::UNANCHORED, groups.data(), wanted)) continue;
    fingerprint.clear();
    pattern->Rewrite(&fingerprint, rule.fingerprint, groups.data(), wanted);
    if (const auto at = fingerprint.find(kDefault); at != std::string::npos) fingerprint.replace(at, kDefault.size(), built_in);
    return &rule;
  }
  return nullptr;
}

}  // namespace swarm::analyst::domain

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ports/privacy_guard.hpp"

namespace swarm::gateway {

/// What a built-in rule looks for.
enum class RuleFamily : std::uint8_t { Secrets, PersonalData };

/// One thing that a guard looks for. The pattern is RE2's, over bytes; where it has a group, only that is the find.
struct GuardRule {
  using Check = bool (*)(std::string_view found);
  std::string name;
  std::string pattern;
  GuardAction action = GuardAction::Report;
  Check check = nullptr;   // what looks right must also add up; null: the pattern says all
  std::string hint;        // a simpler pattern for the first look; empty: the pattern
};

/// The rules that are there without being configured: cloud, service and API keys, tokens, private keys; e-mail addresses,
/// phone and card numbers, IBANs, US social security numbers.
std::vector<GuardRule> built_in_rules(RuleFamily family, GuardAction action);
/// What is wrong with a pattern; empty: nothing.
std::string pattern_fault(const std::string& pattern);

/// Digits with blanks and dashes between them, whose last one is right by Luhn.
bool is_card_number(std::string_view text);
/// Country, check digits and account that leave 1 divided by 97.
bool is_iban(std::string_view text);
bool is_social_security_number(std::string_view text);
/// Between 8 and 15 digits.
bool is_phone_number(std::string_view text);

}  // namespace swarm::gateway

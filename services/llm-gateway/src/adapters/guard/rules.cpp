#include "adapters/guard/rules.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace swarm::gateway {
namespace {

struct BuiltIn {
  RuleFamily family;
  std::string_view name;
  std::string_view pattern;
  GuardRule::Check check = nullptr;
  std::string_view hint = {};
};

constexpr auto kSecret = RuleFamily::Secrets;
constexpr auto kPersonal = RuleFamily::PersonalData;

// The forms that the issuers document; lengths are the least ones, so that a longer one is found too.
constexpr std::array kRules = {
    BuiltIn{kSecret, "aws_access_key", R"(\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b)"},
    BuiltIn{kSecret, "aws_secret_key", R"((?i)aws_?(?:secret)?_?(?:access)?_?key["']?\s{0,3}[=:]\s{0,3}["']?([A-Za-z0-9/+]{40}))"},
    BuiltIn{kSecret, "llm_key", R"(\bsk-[A-Za-z0-9_-]{20,})"},
    BuiltIn{kSecret, "github_token", R"(\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}))"},
    BuiltIn{kSecret, "gitlab_token", R"(\bglpat-[A-Za-z0-9_-]{20,})"},
    BuiltIn{kSecret, "slack_token", R"(\bxox[abeoprs]-[A-Za-z0-9-]{10,})"},
    BuiltIn{kSecret, "slack_hook", R"(\bhooks\.slack\.com/services/[A-Za-z0-9/]{20,})"},
    BuiltIn{kSecret, "google_api_key", R"(\bAIza[A-Za-z0-9_-]{35})"},
    BuiltIn{kSecret, "stripe_key", R"(\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,})"},
    BuiltIn{kSecret, "azure_storage_key", R"(\bAccountKey=([A-Za-z0-9+/=]{40,}))"},
    BuiltIn{kSecret, "huggingface_token", R"(\bhf_[A-Za-z0-9]{30,})"},
    BuiltIn{kSecret, "npm_token", R"(\bnpm_[A-Za-z0-9]{36})"},
    BuiltIn{kSecret, "pypi_token", R"(\bpypi-[A-Za-z0-9_-]{50,})"},
    BuiltIn{kSecret, "sendgrid_key", R"(\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"},
    BuiltIn{kSecret, "jwt", R"(\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"},
    BuiltIn{kSecret, "private_key",
            R"(-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|\z))",
            nullptr, R"(PRIVATE KEY(?: BLOCK)?-----)"},
    BuiltIn{kSecret, "url_password", R"(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"']{1,64}:([^\s@/"']{1,128})@)", nullptr, R"(://[^\s:/@"']{1,64}:[^\s@/"'])"},
    BuiltIn{kPersonal, "email", R"(\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}\b)", nullptr, R"([A-Za-z0-9._%+-]@[A-Za-z0-9-]+\.)"},
    BuiltIn{kPersonal, "phone",
            R"((?:(?:\+|\b00)[1-9]\d{0,2}[ ./-]?(?:\(\d{1,4}\)[ ./-]?)?\d{1,4}(?:[ ./-]?\d{2,4}){1,4}|\(\d{3}\) ?\d{3}-\d{4}|\b\d{3}-\d{3}-\d{4})\b)",
            is_phone_number, R"((?:\+|\b00)[1-9]|\(\d{3}\) ?\d{3}-\d|\b\d{3}-\d{3}-\d)"},
    BuiltIn{kPersonal, "card", R"(\b[2-6](?:[ -]?\d){12,18}\b)", is_card_number, R"(\d(?:[ -]?\d){11})"},
    BuiltIn{kPersonal, "iban", R"(\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b)", is_iban, R"(\b[A-Z]{2}\d{2} ?[A-Z0-9]{4})"},
    BuiltIn{kPersonal, "us_ssn", R"(\b\d{3}-\d{2}-\d{4}\b)", is_social_security_number},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string digits_of(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), is_digit);
  return digits;
}

}  // namespace

bool is_card_number(std::string_view text) {
  const std::string digits = digits_of(text);
  if (digits.size() < 13 || digits.size() > 19) return false;
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int n = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) n = n * 2 > 9 ? n * 2 - 9 : n * 2;
    sum += n;
  }
  return sum % 10 == 0;
}

bool is_iban(std::string_view text) {
  std::string plain;
  std::copy_if(text.begin(), text.end(), std::back_inserter(plain), [](char c) { return c != ' '; });
  if (plain.size() < 15 || plain.size() > 34) return false;
  std::rotate(plain.begin(), plain.begin() + 4, plain.end());
  int rest = 0;
  for (const char c : plain) rest = is_digit(c) ? (rest * 10 + (c - '0')) % 97 : (rest * 100 + (c - 'A' + 10)) % 97;
  return rest == 1;
}

bool is_social_security_number(std::string_view text) {
  const std::string digits = digits_of(text);
  if (digits.size() != 9) return false;
  const std::string area = digits.substr(0, 3);
  return area != "000" && area != "666" && area[0] != '9' && digits.substr(3, 2) != "00" && digits.substr(5) != "0000";
}

bool is_phone_number(std::string_view text) {
  const auto digits = std::count_if(text.begin(), text.end(), is_digit);
  return digits >= 8 && digits <= 15;
}

std::vector<GuardRule> built_in_rules(RuleFamily family, GuardAction action) {
  std::vector<GuardRule> rules;
  for (const BuiltIn& one : kRules) {
    if (one.family == family) rules.push_back({std::string(one.name), std::string(one.pattern), action, one.check, std::string(one.hint)});
  }
  return rules;
}

std::string pattern_fault(const std::string& pattern) {
  RE2::Options options(RE2::Latin1);
  options.set_log_errors(false);
  const RE2 compiled(pattern, options);
  if (!compiled.ok()) return "is no pattern of RE2: " + compiled.error();
  if (compiled.NumberOfCapturingGroups() > 1) return "has more than one group: write (?:…) for the others";
  if (RE2::FullMatch("", compiled)) return "matches nothing at all, and so everywhere";
  return "";
}

}  // namespace swarm::gateway

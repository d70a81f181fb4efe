#include "adapters/guard/rule_set.hpp"

#include <catch2/catch.hpp>

#include <chrono>

namespace swarm::gateway {
namespace {

const RuleSet& everything() {
  static const RuleSet rules = [] {
    auto all = built_in_rules(RuleFamily::Secrets, GuardAction::Mask);
    for (auto& rule : built_in_rules(RuleFamily::PersonalData, GuardAction::Mask)) all.push_back(std::move(rule));
    return RuleSet(std::move(all));
  }();
  return rules;
}

/// "rule=text" of each find.
std::vector<std::string> found(std::string_view text) {
  std::vector<GuardMatch> matches;
  everything().find(text, matches);
  std::vector<std::string> all;
  for (const auto& match : matches) {
    all.push_back(everything().rules()[match.rule].name + "=" + std::string(text.substr(match.begin, match.end - match.begin)));
  }
  return all;
}

using All = std::vector<std::string>;

}  // namespace

TEST_CASE("keys and tokens of the usual issuers are found within a text", "[guard]") {
  const std::string hex(64, 'a');
  const std::string word(40, 'x');
  CHECK(found("id AKIAIOSFODNN7EXAMPLE, see") == All{"aws_access_key=AKIAIOSFODNN7EXAMPLE"});
  CHECK(found("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") == All{"aws_secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"});
  CHECK(found("sk-swarm-" + hex) == All{"llm_key=sk-swarm-" + hex});
  CHECK(found("export OPENAI_API_KEY=sk-proj-" + word) == All{"llm_key=sk-proj-" + word});
  CHECK(found("sk-ant-api03-" + word) == All{"llm_key=sk-ant-api03-" + word});
  CHECK(found("ghp_" + word) == All{"github_token=ghp_" + word});
  CHECK(found("glpat-" + word.substr(20)) == All{"gitlab_token=glpat-" + word.substr(20)});
  CHECK(found("xoxb-1234567890-abc") == All{"slack_token=xoxb-1234567890-abc"});
  CHECK(found("AIza" + std::string(35, 'q')) == All{"google_api_key=AIza" + std::string(35, 'q')});
  CHECK(found("sk_live_" + word) == All{"stripe_key=sk_live_" + word});
  CHECK(found("hf_" + word) == All{"huggingface_token=hf_" + word});
  CHECK(found("postgres://app:hunter22@db:5432/x") == All{"url_password=hunter22"});
  const std::string jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
  CHECK(found("Bearer " + jwt + ".") == All{"jwt=" + jwt});
  const std::string pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nabc\n-----END RSA PRIVATE KEY-----";
  CHECK(found("key:\n" + pem + "\nend") == All{"private_key=" + pem});
  CHECK(found("-----BEGIN PRIVATE KEY-----\nMIIB, cut off") == All{"private_key=-----BEGIN PRIVATE KEY-----\nMIIB, cut off"});
}

TEST_CASE("personal data is found, and only when it adds up", "[guard]") {
  CHECK(found("write to jane.doe+x@mail.example.org!") == All{"email=jane.doe+x@mail.example.org"});
  CHECK(found("call +49 30 1234567 now") == All{"phone=+49 30 1234567"});
  CHECK(found("call (415) 555-2671") == All{"phone=(415) 555-2671"});
  CHECK(found("card 4111 1111 1111 1111 ok") == All{"card=4111 1111 1111 1111"});
  CHECK(found("card 4111 1111 1111 1112 ok").empty());
  CHECK(found("DE89 3704 0044 0532 0130 00") == All{"iban=DE89 3704 0044 0532 0130 00"});
  CHECK(found("GB82WEST12345698765432") == All{"iban=GB82WEST12345698765432"});
  CHECK(found("GB83WEST12345698765432").empty());
  CHECK(found("ssn 123-45-6789.") == All{"us_ssn=123-45-6789"});
  CHECK(found("no 000-45-6789, 666-45-6789, 912-45-6789, 123-00-6789, 123-45-0000").empty());
  CHECK(found("5 1 4111 1111 1111 1111") == All{"card=4111 1111 1111 1111"});
}

TEST_CASE("what developers write every day is left alone", "[guard]") {
  for (const char* text : {"def add(a, b): return a + b", "commit 3f786850e387550fdab836ed7e6dc881de23001b", "2026-11-21T10:00:00Z", "version 1.2.3-rc.4+build.5",
                           "uuid 123e4567-e89b-12d3-a456-426614174000", "https://example.org/a?b=c#d", "user@localhost", "@decorator def f(self): ...",
                           "0x1234567890abcdef1234", "range(1000000000000, 1000000000010)", "sk-learn and scikit-learn", "127.0.0.1:8080", "a1b2-c3d4"}) {
    CAPTURE(text);
    CHECK(found(text).empty());
  }
}

TEST_CASE("where two rules meet, one find is made of them", "[guard]") {
  const RuleSet rules({{"word", "secret [a-z]+", GuardAction::Report, nullptr, ""}, {"rest", "[a-z]+ text", GuardAction::Refuse, nullptr, ""}});
  std::vector<GuardMatch> matches;
  rules.find("a secret text b", matches);
  REQUIRE(matches.size() == 1);
  CHECK(rules.rules()[matches[0].rule].name == "rest");
}

TEST_CASE("patterns are judged before they are used", "[guard]") {
  CHECK(pattern_fault("TICKET-[0-9]{6}").empty());
  CHECK(pattern_fault("(") != "");
  CHECK(pattern_fault("(a)(b)") != "");
  CHECK(pattern_fault("x*") != "");
}

TEST_CASE("hostile texts cost time by the byte", "[guard]") {
  std::string digits;
  for (int i = 0; i < 100'000; ++i) digits += "1 ";
  for (const std::string& text : {digits, std::string(200'000, '4'), std::string(200'000, '@'), std::string(200'000, 'e'), std::string("DE89 ") + std::string(200'000, 'A')}) {
    const auto begin = std::chrono::steady_clock::now();
    found(text);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  }
}

}  // namespace swarm::gateway

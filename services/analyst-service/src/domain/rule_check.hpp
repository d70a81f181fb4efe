#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "domain/plain_text.hpp"

namespace swarm::analyst::domain {

/// Limits of a rule's text, in bytes.
inline constexpr std::size_t kRuleTextMin = 24;
inline constexpr std::size_t kRuleTextMax = 700;

/// Why a text must not become a rule, or nothing. A rule is read by agents as an instruction and is written from logs
/// that anybody may have shaped, so it is refused when it is too short or too long, is not one printable UTF-8 line,
/// holds what looks like a secret, a link or an attempt to steer a model, or does not name the cause.
std::string fault_of_rule(std::string_view text, std::string_view cause);

/// True when the text holds what looks like a credential.
bool holds_secret(std::string_view text);
/// True when the text names the type of the fault, or at least two of the cause's telling words (one if it has no more).
bool names_cause(std::string_view text, std::string_view cause);

/// For duplicates: lower case, words only.
std::string essence(std::string_view text);

/// True when two rules say nearly the same, three of four of their telling words (forms of a word and a few words of one
/// meaning count as one), about the same quoted cause.
bool says_the_same(std::string_view a, std::string_view b);

/// True when one rule tells to do what the other forbids: a sentence of each with mostly the same words, only one of them
/// negated. Quoted text doesn't count. A filter for a person's attention, not a proof.
bool contradicts(std::string_view a, std::string_view b);

}  // namespace swarm::analyst::domain

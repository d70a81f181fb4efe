#pragma once

#include <string>
#include <string_view>

namespace swarm::analyst::domain {

/// Why a pattern can't be a rule's check by machine, or nothing.
std::string fault_of_pattern(std::string_view pattern);

/// The same, and why a pattern that nobody has looked at must not decide over work: it says too little, or fits what ordinary
/// programs and texts hold. Strict: a check that is missing costs less than one that refuses good work.
std::string fault_of_unseen_pattern(std::string_view pattern);
/// True when ordinary programs, build files or prose hold what the pattern looks for.
bool fits_ordinary_work(std::string_view pattern);
/// True when the pattern, which is a valid one, is found in the text.
bool found_in(std::string_view pattern, std::string_view text);

}  // namespace swarm::analyst::domain

#pragma once

#include <string>
#include <string_view>

namespace swarm::analyst::domain {

/// Takes white space out of a prompt that costs tokens and says nothing: on each line the leading blanks and tabs stay
/// and runs of two or more blanks in the rest become one; three or more line feeds become two; then all Unicode white
/// space goes from both ends of the text, the first line's indentation too. One pass; bytes that are not UTF-8 pass
/// through.
std::string optimize_prompt(std::string_view prompt);

}  // namespace swarm::analyst::domain

#pragma once

#include <string_view>

namespace swarm::analyst::domain {

/// True when the text speaks to a model instead of about code, also in letters that only look like ours, spelt out, or
/// in another language; when it holds a link; when it asks for a deed that a rule may only forbid (`sudo`, `rm -rf`,
/// checks switched off, secrets sent somewhere); or for a package to install that is neither the project's own list of
/// them nor widely known. Pure.
bool steers_model(std::string_view text);

}  // namespace swarm::analyst::domain

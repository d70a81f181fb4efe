#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace swarm::auth {

/// Base64url without padding (RFC 4648, section 5), as JOSE uses it.
std::string base64url_encode(std::string_view bytes);

/// Strict: nothing for padding, white space, foreign characters or stray bits at the end.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace swarm::auth

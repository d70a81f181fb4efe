#pragma once

#include <string>

#include "domain/catalog.hpp"
#include "domain/rate_limit.hpp"
#include "libs/http/head.hpp"

namespace swarm::gateway {

/// Appends the caller's headers that an upstream should see, as lines: everything but what belongs to this hop, carries
/// the caller's credentials, or is ours (x-swarm-…, traceparent). accept-encoding is dropped because usage must be read
/// from the answer.
void append_request_headers(std::string& lines, const http::Head& head);
/// The same for an upstream of another dialect: also without what only the caller's provider would understand.
void append_foreign_headers(std::string& lines, const http::Head& head, Dialect upstream);
/// Appends an upstream's headers that the caller should see. The upstream's x-request-id, or Anthropic's request-id, becomes
/// x-upstream-request-id.
void append_response_headers(std::string& lines, const http::Head& head);

/// How far the key's own limits are used, in the caller's dialect; the upstream's figures are for us, not for the caller.
/// Nothing of what has no limit.
void append_rate_headers(std::string& lines, Dialect dialect, const RateView& rate, WallTime now);

}  // namespace swarm::gateway

#pragma once

#include <string_view>

#include "libs/base/clock.hpp"

namespace swarm::http {

/// A time as the Date header says it (RFC 9110, 5.6.7), e.g. "Sun, 06 Nov 1994 08:49:37 GMT". Made anew once a second; the
/// view lives until the thread's next call.
std::string_view date(WallTime time);

}  // namespace swarm::http

#pragma once

#include <string_view>

namespace swarm::gateway {

/// What a status line says behind the number.
std::string_view reason_phrase(int status);

}  // namespace swarm::gateway

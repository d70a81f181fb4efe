#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/clock.hpp"

namespace swarm {

/// A version 7 UUID (RFC 9562, 5.7): 48 bits of `now` in milliseconds, the rest random; sorts by time. Lower-case text
/// of 36 characters. Thread-safe; random bits come from the operating system through a per-thread buffer.
std::string uuid_v7(WallTime now);

/// The same from given random bits, for code that must be deterministic.
std::string uuid_v7(WallTime now, std::uint64_t random_high, std::uint64_t random_low);

/// True for 8-4-4-4-12 hexadecimal digits of any version.
bool is_uuid(std::string_view text);

/// Fills `out` with random bytes fit for secrets.
void random_bytes(unsigned char* out, std::size_t size);

}  // namespace swarm

#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "libs/base/clock.hpp"

namespace swarm::audit {

/// What one line tells beside its number and time. Values are cut off at 4 KiB.
using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// A place in the chain: the number of a line and its hash.
struct Link {
  std::uint64_t number = 0;  // 0: before the first line
  std::string hash = std::string(64, '0');
};

/// One line without its newline: JSON that ends in `"hash":"…"}`, the SHA-256 of all bytes before `,"hash"`. As the line
/// also holds the hash of the one before it, none can be changed, taken out, put in or moved without the next one telling.
///   {"seq":2,"ts":"…","prev":"…","event":"action",…,"hash":"…"}
std::string make_line(const Link& before, WallTime at, std::string_view event, Fields fields);

/// What a line says of its place. Nothing when it is no line of ours or its own hash does not fit.
struct Place {
  Link link;
  std::string before;  // the hash that it names as its predecessor's
};
std::optional<Place> place_of(std::string_view line);

}  // namespace swarm::audit

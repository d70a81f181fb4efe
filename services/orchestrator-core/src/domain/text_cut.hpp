#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace swarm::orchestrator {

/// The longest prefix of at most `bytes_max` bytes that does not end within a UTF-8 character.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

/// At most about `bytes_max` bytes: the beginning, a mark, and the end, which in a log says more.
std::string middle_cut(std::string_view text, std::size_t bytes_max);

/// The first line, at most `bytes_max` bytes, without control characters.
std::string first_line(std::string_view text, std::size_t bytes_max = 160);

}  // namespace swarm::orchestrator

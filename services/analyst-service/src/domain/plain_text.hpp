#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace swarm::analyst::domain {

/// Valid UTF-8 that shows what it holds: without control characters, line breaks as blanks, and without characters that
/// nobody sees (of no width, of direction, tags). Cut at a character's border.
std::string printable(std::string_view text, std::size_t bytes_max);

/// Without characters that nobody sees; line breaks stay.
std::string visible(std::string_view text);

/// The text as a reader takes it, for patterns to look at: ASCII for letters that look or count as such (full width,
/// Cyrillic, Greek, mathematical), no accents that are characters of their own, letters that are spelt out one by one
/// put together, underscores as blanks.
std::string folded(std::string_view text);

}  // namespace swarm::analyst::domain

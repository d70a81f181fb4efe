#pragma once

#include <string>
#include <string_view>

namespace swarm::ctl {

/// `text` on one line, fit for a terminal: line breaks and tabs become blanks, other control characters (an escape
/// sequence in a task's description could rewrite the screen) and broken UTF-8 become U+FFFD.
std::string one_line(std::string_view text);

/// The same, but keeps line breaks and tabs.
std::string many_lines(std::string_view text);

/// Columns that printable text takes: combining marks none, East Asian wide characters and emoji two.
std::size_t display_width(std::string_view text);

/// The longest beginning of printable text that fits into `width` columns, with an ellipsis if anything is left out.
std::string shorten(std::string_view text, std::size_t width);

}  // namespace swarm::ctl

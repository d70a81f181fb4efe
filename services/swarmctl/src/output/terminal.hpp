#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace swarm::ctl {

/// What the output goes to.
struct Terminal {
  std::size_t width = 0;  // columns; 0: not a terminal, so nothing is shortened
  bool colour = false;
};

/// Of stdout. Colour needs a terminal and an environment without NO_COLOR (no-color.org).
Terminal standard_output();

enum class Style { Plain, Strong, Good, Busy, Waiting, Bad, Faint };

std::string styled(std::string_view text, Style style, const Terminal& terminal);

}  // namespace swarm::ctl

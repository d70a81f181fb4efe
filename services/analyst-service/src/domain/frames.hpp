#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "domain/cause.hpp"
#include "domain/digest.hpp"

namespace swarm::analyst::domain {

/// What the log says about where in the project's own code the fault stands. Frames of libraries and of the runtime do
/// not count, line numbers never do, and the workspace's path is cut off.
struct Place {
  Digest frames;               // of (file, function), outermost first; repetitions of recursion count once
  std::size_t functions = 0;   // frames with a function in them
  std::size_t files = 0;
  std::string_view raiser;     // the library function that raised it, when the last frame is not the project's own
};

Place find_place(std::span<const std::string_view> lines, std::span<const Mark> marks);

}  // namespace swarm::analyst::domain

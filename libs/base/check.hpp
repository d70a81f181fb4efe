#pragma once

#include <string_view>

namespace swarm {

/// Prints the broken invariant and aborts. Use SWARM_CHECK.
[[noreturn]] void check_failed(std::string_view condition, std::string_view message, const char* file, int line);

}  // namespace swarm

/// For what can only fail by a defect of ours: prints and aborts. Input and environment return Results instead.
#define SWARM_CHECK(condition, message) \
  ((condition) ? static_cast<void>(0) : ::swarm::check_failed(#condition, (message), __FILE__, __LINE__))

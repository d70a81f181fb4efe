#pragma once

#include <string>
#include <string_view>

namespace swarm::orchestrator {

/// The stack that a task's text speaks of, by the words and file names in it: "python" for "make pytest pass in
/// shop/carts.py". Empty when it names none, or several equally. Looks at the first 4 KiB. Pure, and the same for the same
/// text at all times.
std::string stack_of_text(std::string_view text);

}  // namespace swarm::orchestrator

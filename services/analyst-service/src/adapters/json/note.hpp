#pragma once

#include <string>
#include <string_view>

namespace swarm::analyst::adapters {

/// The message in a failure's note as the knowledge store and the older agents hold it: plain text, a JSON string, a JSON
/// array whose first element is the message, or JSON within JSON. Anything that is no JSON is the message itself.
std::string message_of_note(std::string_view note);

}  // namespace swarm::analyst::adapters

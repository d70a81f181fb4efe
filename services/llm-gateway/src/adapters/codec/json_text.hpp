#pragma once

#include <string>
#include <string_view>

namespace swarm::gateway {

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// The raw contents of the JSON string that follows `"key":` at or after `from` in a compact or spaced object; `found`
/// says whether there is one. For counting, not for decoding: no escapes are resolved.
std::string_view raw_string_after(std::string_view json, std::string_view quoted_key, bool& found);

/// True when `"usage"` is a key with an object behind it somewhere in the text. Cheap: most stream events have none.
bool mentions_usage_object(std::string_view json);

}  // namespace swarm::gateway

#pragma once

#include <simdjson.h>

namespace swarm::gateway {

/// Is all of it one JSON object (RFC 8259), nested at most 1,000 deep? simdjson's on-demand reader judges only what is
/// looked at; this walks the rest by the index that it has made already. What stands within texts is not looked at, but for
/// being UTF-8 without control characters, which the index tells. Leaves the document read to its end.
bool is_json_object(simdjson::ondemand::document& document);

}  // namespace swarm::gateway

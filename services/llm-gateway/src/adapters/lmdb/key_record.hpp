#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ports/key_store.hpp"

namespace swarm::gateway {

/// A key's record, as spend_record.hpp says of the others.
std::string encode_key(const StoredKey& key);
std::optional<StoredKey> decode_key(std::string_view bytes);

}  // namespace swarm::gateway

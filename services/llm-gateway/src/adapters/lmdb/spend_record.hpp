#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ports/spend_journal.hpp"

namespace swarm::gateway {

// How the journal's records lie on disk: little-endian numbers, texts with a 16-bit length in front, a version byte first.
// Rows of an older version are read with what they lack left empty. Readers give nothing for a record that is too short or of an unknown version.

std::string encode_row(const UsageRow& row);
std::optional<UsageRow> decode_row(std::string_view bytes);

std::string encode_sums(const WindowSums& sums);
std::optional<WindowSums> decode_sums(std::string_view bytes);

std::string encode_limit(const Limit& limit);
std::optional<Limit> decode_limit(std::string_view bytes);

std::string encode_override(const StoredOverride& lift);
std::optional<StoredOverride> decode_override(std::string_view bytes);

std::string encode_money(Money money);
std::optional<Money> decode_money(std::string_view bytes);

/// Key of what belongs to one kind of window of a scope.
std::string account_key(std::string_view scope, WindowKind window);
/// Key of one window.
std::string window_key(std::string_view scope, WindowKind window, WallTime start);
struct WindowKey {
  std::string scope;
  WindowKind window = WindowKind::Day;
  WallTime start{};
};
/// Reads both kinds of key; the start of an account's key is zero.
std::optional<WindowKey> parse_key(std::string_view key);

}  // namespace swarm::gateway

#pragma once

#define XXH_INLINE_ALL
#include <lmdb.h>
#include <xxhash.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace swarm::lmdb {

// A stored record: 8 bytes of check sum over key and value, then the value.
inline constexpr std::size_t kSumBytes = sizeof(std::uint64_t);

inline std::string_view view(const MDB_val& v) { return {static_cast<const char*>(v.mv_data), v.mv_size}; }

inline MDB_val mdb_val(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};  // LMDB reads keys only
}

/// The key's sum seeds the value's, so a value under a wrong key is noticed too.
inline std::uint64_t sum_of(std::string_view key, std::string_view value) {
  return XXH3_64bits_withSeed(value.data(), value.size(), XXH3_64bits(key.data(), key.size()));
}

/// Nothing if the record is too short or its sum does not fit.
inline std::optional<std::string_view> checked_value(std::string_view key, std::string_view record) {
  if (record.size() < kSumBytes) return std::nullopt;
  std::uint64_t sum = 0;
  std::memcpy(&sum, record.data(), kSumBytes);
  const auto value = record.substr(kSumBytes);
  if (sum != sum_of(key, value)) return std::nullopt;
  return value;
}

}  // namespace swarm::lmdb

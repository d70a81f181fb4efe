#include "domain/ids.hpp"

#include <cstring>

namespace swarm::orchestrator {
namespace {

constexpr char kHex[] = "0123456789abcdef";

int nibble_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_dash_position(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

/// Reads 32 hexadecimal digits, with a UUID's dashes or without.
bool read_hex(std::string_view text, bool dashes, std::uint64_t& high, std::uint64_t& low) {
  if (text.size() != (dashes ? 36u : 32u)) return false;
  std::uint64_t words[2] = {0, 0};
  int digit = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (dashes && is_dash_position(at)) {
      if (text[at] != '-') return false;
      continue;
    }
    const int nibble = nibble_of(text[at]);
    if (nibble < 0) return false;
    words[digit / 16] = (words[digit / 16] << 4) | static_cast<std::uint64_t>(nibble);
    ++digit;
  }
  high = words[0];
  low = words[1];
  return true;
}

std::string write_hex(std::uint64_t high, std::uint64_t low, bool dashes) {
  std::string out(dashes ? 36 : 32, '-');
  std::size_t at = 0;
  for (int i = 0; i < 32; ++i) {
    if (dashes && is_dash_position(at)) ++at;
    const std::uint64_t word = i < 16 ? high : low;
    out[at++] = kHex[(word >> (60 - 4 * (i % 16))) & 0xf];
  }
  return out;
}

}  // namespace

std::optional<TaskId> parse_task_id(std::string_view text) {
  TaskId id;
  if (!read_hex(text, true, id.high, id.low) || id.empty()) return std::nullopt;
  return id;
}

std::string text(TaskId id) { return write_hex(id.high, id.low, true); }

std::optional<LeaseToken> parse_token(std::string_view text) {
  LeaseToken token;
  if (!read_hex(text, false, token.high, token.low)) return std::nullopt;
  return token;
}

std::string text(LeaseToken token) { return write_hex(token.high, token.low, false); }

TaskId make_task_id(WallTime now, std::uint64_t random_high, std::uint64_t random_low) {
  const auto ms = static_cast<std::uint64_t>(unix_ms(now));
  return TaskId{(ms << 16) | 0x7000u | (random_high & 0x0fffu),
                (random_low & 0x3fffffffffffffffull) | 0x8000000000000000ull};
}

std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = mix(seed ^ (0x9e3779b97f4a7c15ull + bytes.size()));
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = mix(hash ^ word) + 0x9e3779b97f4a7c15ull;
    bytes.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, bytes.data(), bytes.size());
  return mix(hash ^ rest);
}

}  // namespace swarm::orchestrator

#include "libs/base/uuid.hpp"

#include <openssl/rand.h>

#include <cstring>

#include "libs/base/check.hpp"

namespace swarm {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

struct RandomBuffer {
  std::array<unsigned char, 1024> bytes{};
  std::size_t used = sizeof(bytes);

  std::uint64_t next() {
    if (used + 8 > bytes.size()) {
      random_bytes(bytes.data(), bytes.size());
      used = 0;
    }
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + used, 8);
    used += 8;
    return value;
  }
};

}  // namespace

void random_bytes(unsigned char* out, std::size_t size) {
  SWARM_CHECK(RAND_bytes(out, static_cast<int>(size)) == 1, "the operating system gave no random bytes");
}

std::string uuid_v7(WallTime now, std::uint64_t random_high, std::uint64_t random_low) {
  const auto ms = static_cast<std::uint64_t>(unix_ms(now));
  const std::uint64_t high = (ms << 16) | 0x7000u | (random_high & 0x0fffu);
  const std::uint64_t low = (random_low & 0x3fffffffffffffffull) | 0x8000000000000000ull;
  static constexpr std::array<std::uint8_t, 16> kPlaces = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
  std::string text(36, '-');
  for (std::size_t i = 0; i < kPlaces.size(); ++i) {
    const std::uint64_t byte = ((i < 8 ? high : low) >> (56 - 8 * (i % 8))) & 0xff;
    text[kPlaces[i]] = kHex[byte >> 4];
    text[kPlaces[i] + 1u] = kHex[byte & 0xf];
  }
  return text;
}

std::string uuid_v7(WallTime now) {
  thread_local RandomBuffer buffer;
  const std::uint64_t high = buffer.next();
  return uuid_v7(now, high, buffer.next());
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace swarm

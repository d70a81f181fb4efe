#include "domain/digest.hpp"

namespace swarm::analyst::domain {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";

}  // namespace

std::string text(const Id& id) {
  if (id.empty()) return {};
  std::string out(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    out[i] = kHex[(id.high >> (60 - 4 * i)) & 15];
    out[16 + i] = kHex[(id.low >> (60 - 4 * i)) & 15];
  }
  return out;
}

Id parse_id(std::string_view hex) {
  if (hex.size() != 32) return {};
  Id id;
  for (std::size_t i = 0; i < 32; ++i) {
    const auto digit = kHex.find(hex[i]);
    if (digit == std::string_view::npos) return {};
    std::uint64_t& half = i < 16 ? id.high : id.low;
    half = half << 4 | digit;
  }
  return id;
}

}  // namespace swarm::analyst::domain

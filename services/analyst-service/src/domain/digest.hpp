#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace swarm::analyst::domain {

/// A 128-bit content id. Equal content has an equal id on every machine and after every restart.
struct Id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool empty() const { return high == 0 && low == 0; }
  friend bool operator==(const Id&, const Id&) = default;
  friend auto operator<=>(const Id&, const Id&) = default;
};

/// 32 lower-case hexadecimal digits; an empty id gives an empty text.
std::string text(const Id& id);
/// The id that text() wrote; an empty id for anything else.
Id parse_id(std::string_view hex);

/// Hashes fields into an Id. Fields are separated: ("ab", "c") and ("a", "bc") differ. Not cryptographic: whoever may
/// choose logs freely could construct two that share an id, which costs him nothing but his own grouping.
class Digest {
 public:
  Digest& add(std::string_view bytes) {
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) mix(load(at, 8));
    if (left > 0) mix(load(at, left));
    mix(bytes.size() ^ kFieldEnd);
    return *this;
  }
  Digest& add(std::uint64_t number) {
    mix(number);
    return *this;
  }
  Id id() const {
    return {fold(a_ ^ kFirst, b_ ^ kSecond), fold(b_ ^ kFirst, a_ + kSecond)};
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15;
  static constexpr std::uint64_t kSecond = 0xd6e8feb86659fd93;
  static constexpr std::uint64_t kFieldEnd = 0xa0761d6478bd642f;

  static std::uint64_t fold(std::uint64_t x, std::uint64_t y) {
    const Wide product = static_cast<Wide>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  // Little-endian by shape: this code runs on x86-64 and AArch64 only.
  static std::uint64_t load(const char* at, std::size_t size) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, size);
    return word;
  }
  void mix(std::uint64_t word) {
    a_ = fold(a_ ^ word, kFirst);
    b_ = fold(b_ + word, kSecond) ^ (b_ << 23 | b_ >> 41);
  }

  std::uint64_t a_ = 0x2d358dccaa6c78a5;
  std::uint64_t b_ = 0x8bb84b93962eacc9;
};

/// For hash tables keyed by Id.
struct IdHash {
  std::size_t operator()(const Id& id) const { return static_cast<std::size_t>(id.low); }
};

}  // namespace swarm::analyst::domain

#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "domain/money.hpp"
#include "libs/base/clock.hpp"

namespace swarm::gateway {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

inline constexpr std::uint8_t kRecordVersion = 1;
inline constexpr std::size_t kTextBytesMax = 0xffff;

/// Little-endian numbers, texts with a 16-bit length in front, a version byte first.
class RecordWriter {
 public:
  explicit RecordWriter(std::uint8_t version = kRecordVersion) { number(version); }
  template <class N>
  void number(N n) {
    bytes_.append(reinterpret_cast<const char*>(&n), sizeof(n));
  }
  void text(std::string_view s) {
    s = s.substr(0, kTextBytesMax);
    number(static_cast<std::uint16_t>(s.size()));
    bytes_.append(s);
  }
  void time(WallTime t) { number(static_cast<std::int64_t>(t.time_since_epoch().count())); }
  void money(Money m) { number(m.nano); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Never reads beyond the end: good() is false when it would have, or when the version is newer than known.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes, std::uint8_t newest = kRecordVersion) : bytes_(bytes) {
    version_ = number<std::uint8_t>();
    good_ = good_ && version_ >= 1 && version_ <= newest;
  }
  std::uint8_t version() const { return version_; }
  template <class N>
  N number() {
    N n{};
    if (bytes_.size() < sizeof(n)) {
      good_ = false;
      return n;
    }
    std::memcpy(&n, bytes_.data(), sizeof(n));
    bytes_.remove_prefix(sizeof(n));
    return n;
  }
  std::string text() {
    const auto size = number<std::uint16_t>();
    if (bytes_.size() < size) {
      good_ = false;
      return {};
    }
    std::string s(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return s;
  }
  WallTime time() { return WallTime(std::chrono::nanoseconds(number<std::int64_t>())); }
  Money money() { return Money{number<std::int64_t>()}; }
  bool good() const { return good_; }

 private:
  std::string_view bytes_;
  std::uint8_t version_ = 0;
  bool good_ = true;
};

}  // namespace swarm::gateway

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.hpp"

namespace swarm::orchestrator::codec {

/// Appends values to a record: numbers as LEB128 (signed ones zigzagged), texts with their length in front.
class Writer {
 public:
  void u64(std::uint64_t v) {
    while (v >= 0x80) {
      out_.push_back(static_cast<char>(v | 0x80));
      v >>= 7;
    }
    out_.push_back(static_cast<char>(v));
  }
  void i64(std::int64_t v) { u64((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63)); }
  void fixed(std::uint64_t v) {
    for (int shift = 56; shift >= 0; shift -= 8) out_.push_back(static_cast<char>(v >> shift));
  }
  void text(std::string_view v) {
    u64(v.size());
    out_.append(v);
  }
  template <class Tag>
  void bits(const Bits128<Tag>& v) {
    fixed(v.high);
    fixed(v.low);
  }
  void time(WallTime t) { i64(t.time_since_epoch().count()); }
  void texts(const std::vector<std::string>& list) {
    u64(list.size());
    for (const auto& v : list) text(v);
  }
  const std::string& bytes() const { return out_; }
  void clear() { out_.clear(); }

 private:
  std::string out_;
};

/// Reads what a Writer wrote. A short or malformed record turns ok() false, and every further value is empty.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  std::uint64_t u64() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = next();
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return v;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t i64() {
    const std::uint64_t v = u64();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  std::uint64_t fixed() {
    std::uint64_t v = 0;
    for (int i = 0; i < 8; ++i) v = (v << 8) | next();
    return v;
  }
  std::string text() {
    const std::uint64_t size = u64();
    if (size > in_.size()) {
      ok_ = false;
      return {};
    }
    std::string out(in_.substr(0, size));
    in_.remove_prefix(size);
    return out;
  }
  template <class Id>
  Id bits() {
    const std::uint64_t high = fixed();
    return Id{high, fixed()};
  }
  WallTime time() { return WallTime(WallTime::duration(i64())); }
  int small() { return static_cast<int>(i64()); }
  /// A count of things that take at least one byte each.
  std::size_t count() {
    const std::uint64_t n = u64();
    if (n <= in_.size()) return n;
    ok_ = false;
    return 0;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> out(count());
    for (auto& v : out) v = text();
    return out;
  }
  bool ok() const { return ok_; }
  /// Bytes that have not been read.
  std::size_t left() const { return in_.size(); }

 private:
  std::uint8_t next() {
    if (in_.empty()) {
      ok_ = false;
      return 0;
    }
    const auto byte = static_cast<std::uint8_t>(in_.front());
    in_.remove_prefix(1);
    return byte;
  }

  std::string_view in_;
  bool ok_ = true;
};

}  // namespace swarm::orchestrator::codec

#include "libs/settings/scalar.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

namespace swarm::settings {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array<Unit, 4> kDurations{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizes{{{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"", 1}}};

template <class T>
bool parse_all(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

/// A whole number followed by one of the units; false when it is neither or does not fit.
bool parse_with_unit(std::string_view text, const std::array<Unit, 4>& units, std::uint64_t& out) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::uint64_t number = 0;
  if (!parse_all(text.substr(0, digits), number)) return false;
  std::string_view unit = text.substr(digits);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  for (const Unit& u : units) {
    if (u.name == unit) return !__builtin_mul_overflow(number, u.factor, &out);
  }
  out = 0;
  return unit.empty() && number == 0;
}

std::string show_with_unit(std::uint64_t value, const std::array<Unit, 4>& units) {
  for (const Unit& u : units) {
    if (value != 0 && value % u.factor == 0) return std::to_string(value / u.factor) + std::string(u.name);
  }
  return "0";
}

}  // namespace

Parsed<bool> parse_bool(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::string("is neither true nor false: ") + text;
}

Parsed<std::int64_t> parse_integer(const std::string& text) {
  std::int64_t out = 0;
  if (parse_all(text, out)) return out;
  return "is not a whole number: " + text;
}

Parsed<double> parse_number(const std::string& text) {
  double out = 0;
  if (parse_all(text, out) && std::isfinite(out)) return out;
  return "is not a number: " + text;
}

Parsed<std::chrono::milliseconds> parse_duration(const std::string& text) {
  std::uint64_t out = 0;
  if (parse_with_unit(text, kDurations, out) && std::in_range<std::int64_t>(out)) {
    return std::chrono::milliseconds(out);
  }
  return "is not a duration such as 250ms, 20s, 5m or 1h: " + text;
}

Parsed<std::uint64_t> parse_bytes(const std::string& text) {
  std::uint64_t out = 0;
  if (parse_with_unit(text, kSizes, out)) return out;
  return "is not a number of bytes such as 4096, 64KiB, 16MiB or 2GiB: " + text;
}

std::string show(std::chrono::milliseconds value) {
  return show_with_unit(static_cast<std::uint64_t>(value.count()), kDurations);
}

std::string show_bytes(std::uint64_t value) { return show_with_unit(value, kSizes); }

std::string show(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

}  // namespace swarm::settings

#include "output/format.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace swarm::ctl {
namespace {

std::string whole(std::int64_t number, const char* unit) { return std::to_string(number) + unit; }

}  // namespace

std::string age(std::int64_t unix_ms, WallTime now) {
  if (unix_ms == 0) return "-";
  const std::int64_t seconds = std::max<std::int64_t>(0, (swarm::unix_ms(now) - unix_ms) / 1000);
  if (seconds < 120) return whole(seconds, "s");
  if (seconds < 2 * 3600) return whole(seconds / 60, "m");
  if (seconds < 2 * 86400) return whole(seconds / 3600, "h");
  return whole(seconds / 86400, "d");
}

std::string utc(std::int64_t unix_ms) {
  if (unix_ms == 0) return "";
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "";
  std::array<char, 40> buffer{};
  const auto size = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {buffer.data(), size};
}

std::string duration(std::chrono::milliseconds time) {
  const std::int64_t ms = time.count();
  const std::int64_t seconds = ms / 1000;
  if (ms < 1000) return whole(ms, "ms");
  if (ms < 10'000 && ms % 1000 != 0) {
    return std::to_string(seconds) + "." + std::to_string(ms % 1000 / 100) + "s";
  }
  if (seconds < 60) return whole(seconds, "s");
  if (seconds < 3600) return whole(seconds / 60, "m") + (seconds % 60 == 0 ? "" : whole(seconds % 60, "s"));
  return whole(seconds / 3600, "h") + (seconds / 60 % 60 == 0 ? "" : whole(seconds / 60 % 60, "m"));
}

std::string dollars(double amount) {
  if (!std::isfinite(amount)) return "-";
  const double size = std::abs(amount);
  int digits = 2;
  if (size > 0 && size < 1) {
    digits = std::clamp(1 - static_cast<int>(std::floor(std::log10(size))), 2, 9);
  }
  std::array<char, 64> buffer{};
  const int written = std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, size);
  std::string text(buffer.data(), static_cast<std::size_t>(std::min<int>(written, 63)));
  // Nano-dollars are the ledger's unit; noughts beyond the cents say nothing.
  while (text.size() > text.find('.') + 3 && text.back() == '0') text.pop_back();
  return (amount < 0 ? "-$" : "$") + text;
}

}  // namespace swarm::ctl

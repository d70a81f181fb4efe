#include "libs/http/date.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace swarm::http {
namespace {

// Not strftime: its names are the locale's.
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Written {
  std::time_t second = -1;
  std::array<char, 96> text{};
  std::size_t size = 0;
};

}  // namespace

std::string_view date(WallTime time) {
  thread_local Written last;
  const auto second = static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  if (second != last.second) {
    std::tm parts{};
    gmtime_r(&second, &parts);
    const int n = std::snprintf(last.text.data(), last.text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[static_cast<std::size_t>(parts.tm_wday)],
                                parts.tm_mday, kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    last.size = n > 0 ? static_cast<std::size_t>(n) : 0;
    last.second = second;
  }
  return {last.text.data(), last.size};
}

}  // namespace swarm::http

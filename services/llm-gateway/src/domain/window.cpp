#include "domain/window.hpp"

#include <array>

namespace swarm::gateway {
namespace {

constexpr std::array<std::string_view, kWindowKinds> kNames = {"hour", "day", "month", "total"};

}  // namespace

std::string_view name(WindowKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<WindowKind> window_kind(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<WindowKind>(i);
  }
  return std::nullopt;
}

WindowSpan window_at(WindowKind kind, WallTime now) {
  namespace chr = std::chrono;
  switch (kind) {
    case WindowKind::Hour: {
      const auto start = chr::floor<chr::hours>(now);
      return {start, start + chr::hours(1)};
    }
    case WindowKind::Day: {
      const auto start = chr::floor<chr::days>(now);
      return {start, start + chr::days(1)};
    }
    case WindowKind::Month: {
      const chr::year_month_day day(chr::floor<chr::days>(now));
      const chr::year_month month = day.year() / day.month();
      return {chr::sys_days(month / 1), chr::sys_days((month + chr::months(1)) / 1)};
    }
    case WindowKind::Total: break;
  }
  return {WallTime{}, WallTime::max()};
}

}  // namespace swarm::gateway

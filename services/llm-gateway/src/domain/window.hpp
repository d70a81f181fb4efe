#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "libs/base/clock.hpp"

namespace swarm::gateway {

/// The period after which a budget starts again at zero. Calendar periods in UTC; Total never ends.
enum class WindowKind : std::uint8_t { Hour, Day, Month, Total };
inline constexpr int kWindowKinds = 4;

std::string_view name(WindowKind kind);
std::optional<WindowKind> window_kind(std::string_view name);

/// One instance of a window: [start, end). Total spans all of time.
struct WindowSpan {
  WallTime start{};
  WallTime end{};
  friend bool operator==(const WindowSpan&, const WindowSpan&) = default;
};
WindowSpan window_at(WindowKind kind, WallTime now);

}  // namespace swarm::gateway

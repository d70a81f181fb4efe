#include "domain/failure_group.hpp"

#include <algorithm>

namespace swarm::analyst::domain {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kSilenceMs = 7 * kDayMs;
constexpr std::int64_t kEscalationMin = 10;
constexpr std::int64_t kEscalationFactor = 3;

}  // namespace

void count_event(Group& group, std::int64_t now_ms) {
  const std::int64_t day = now_ms / kDayMs;
  if (group.events > 0 && now_ms - group.last_ms >= kSilenceMs) group.returned_ms = now_ms;
  if (day > group.day) {
    group.yesterday = day == group.day + 1 ? group.today : 0;
    group.today = 0;
    group.day = day;
  }
  ++group.today;
  ++group.events;
  group.first_ms = std::min(group.first_ms, now_ms);
  group.last_ms = std::max(group.last_ms, now_ms);
}

GroupFlags flags(const Group& group, std::int64_t now_ms) {
  const bool today = group.day == now_ms / kDayMs;
  return {now_ms - group.first_ms < kDayMs, group.returned_ms > 0 && now_ms - group.returned_ms < kDayMs,
          today && group.today >= kEscalationMin && group.today > kEscalationFactor * group.yesterday && group.yesterday > 0};
}

}  // namespace swarm::analyst::domain

#include "domain/schedule_book.hpp"

#include <algorithm>

namespace swarm::orchestrator {
namespace {

constexpr std::uint64_t kCountedMax = 1'000;

WallTime next_of(const ScheduleEntry& entry, WallTime after) {
  return entry.cron.next(after, *entry.zone).value_or(WallTime{});
}

KeyHash key_of(const Schedule& schedule, WallTime at) {
  const auto second = static_cast<std::uint64_t>(std::chrono::floor<Seconds>(at.time_since_epoch()).count());
  return {stable_hash(schedule.name, mix(second)), stable_hash(schedule.name, mix(~second)) | 1};
}

}  // namespace

ScheduleEntry& ScheduleBook::put(ScheduleEntry entry) {
  erase(entry.schedule.name);
  if (entry.schedule.next != WallTime{}) order_.emplace(entry.schedule.next, entry.schedule.name);
  const std::string name = entry.schedule.name;
  return entries_.insert_or_assign(name, std::move(entry)).first->second;
}

bool ScheduleBook::erase(std::string_view name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return false;
  order_.erase({it->second.schedule.next, it->first});
  entries_.erase(it);
  return true;
}

void ScheduleBook::clear() {
  entries_.clear();
  order_.clear();
}

ScheduleEntry* ScheduleBook::find(std::string_view name) {
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second;
}

void ScheduleBook::moved(ScheduleEntry& entry, WallTime next) {
  order_.erase({entry.schedule.next, entry.schedule.name});
  entry.schedule.next = next;
  if (next != WallTime{}) order_.emplace(next, entry.schedule.name);
}

std::optional<WallTime> ScheduleBook::earliest() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first;
}

ScheduleEntry* ScheduleBook::due(WallTime now) {
  if (order_.empty() || order_.begin()->first > now) return nullptr;
  return find(order_.begin()->second);
}

std::vector<const ScheduleEntry*> ScheduleBook::all_due(WallTime now, std::size_t most) const {
  std::vector<const ScheduleEntry*> out;
  for (auto it = order_.begin(); it != order_.end() && it->first <= now && out.size() < most; ++it) {
    out.push_back(&entries_.find(it->second)->second);
  }
  return out;
}

Firing ScheduleBook::firing(const ScheduleEntry& entry, WallTime now) const {
  const Schedule& schedule = entry.schedule;
  Firing out;
  out.at = schedule.next;
  if (schedule.next + grace_ < now) {
    const WallTime in_time = next_of(entry, now - grace_);
    for (WallTime at = schedule.next; at != WallTime{} && (in_time == WallTime{} || at < in_time) && at <= now && out.missed < kCountedMax; at = next_of(entry, at)) ++out.missed;
    if (in_time != WallTime{} && in_time <= now) {
      out.at = in_time;  // stands for those before it too
    } else if (schedule.missed == MissedFirings::Skip) {
      out.at.reset();
      out.next = next_of(entry, now);
      return out;
    } else {
      out.next = next_of(entry, now);
    }
  }
  if (out.next == WallTime{}) out.next = next_of(entry, *out.at);
  out.key = key_of(schedule, *out.at);
  return out;
}

void ScheduleBook::look_back(WallTime now) {
  for (auto& [name, entry] : entries_) {
    if (entry.schedule.next == WallTime{}) continue;
    const WallTime next = next_of(entry, now);
    if (next != WallTime{} && next < entry.schedule.next) moved(entry, next);
  }
}

std::vector<WallTime> firings_after(const ScheduleEntry& entry, WallTime after, std::size_t most) {
  std::vector<WallTime> out;
  for (WallTime at = next_of(entry, after); at != WallTime{} && out.size() < most; at = next_of(entry, at)) out.push_back(at);
  return out;
}

}  // namespace swarm::orchestrator

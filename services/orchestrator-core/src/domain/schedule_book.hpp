#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "domain/cron.hpp"
#include "domain/ids.hpp"
#include "domain/schedule.hpp"

namespace swarm::orchestrator {

/// A schedule that is under way.
struct ScheduleEntry {
  Schedule schedule;
  Cron cron;
  std::shared_ptr<const TimeZone> zone;
};

/// What is to happen of a schedule that is due.
struct Firing {
  std::optional<WallTime> at;    // the time that it is for; nothing: it was missed and stays so
  KeyHash key;                   // of the task; the same for the same schedule and time, always
  std::uint64_t missed = 0;
  WallTime next{};               // zero: never again
};

/// All schedules, by name and by when they fire next. Deterministic; no clock of its own.
class ScheduleBook {
 public:
  /// A firing that comes later than `grace` counts as missed.
  explicit ScheduleBook(std::chrono::milliseconds grace) : grace_(grace) {}

  /// Replaces the one of that name.
  ScheduleEntry& put(ScheduleEntry entry);
  bool erase(std::string_view name);
  void clear();
  ScheduleEntry* find(std::string_view name);
  /// After `schedule.next` of an entry was changed by anyone but put().
  void moved(ScheduleEntry& entry, WallTime next);

  std::optional<WallTime> earliest() const;
  /// The one that fires first, if that is due.
  ScheduleEntry* due(WallTime now);
  /// Those that are due, at most `most`.
  std::vector<const ScheduleEntry*> all_due(WallTime now, std::size_t most) const;
  Firing firing(const ScheduleEntry& entry, WallTime now) const;
  /// The wall clock was set back: what was passed over comes again (each time has its key, so nothing fires twice for it).
  void look_back(WallTime now);

  const std::map<std::string, ScheduleEntry, std::less<>>& all() const { return entries_; }
  std::size_t size() const { return entries_.size(); }

 private:
  const std::chrono::milliseconds grace_;
  std::map<std::string, ScheduleEntry, std::less<>> entries_;
  std::set<std::pair<WallTime, std::string>> order_;
};

/// The first firings after a time, at most `most`.
std::vector<WallTime> firings_after(const ScheduleEntry& entry, WallTime after, std::size_t most);

}  // namespace swarm::orchestrator

#pragma once

#include <cstdint>
#include <string>

#include "domain/digest.hpp"
#include "domain/family.hpp"

namespace swarm::analyst::domain {

/// What a kind of failure is: the same for all its events.
struct KindText {
  Id kind;
  std::string role;
  std::string stack;
  Family family = Family::General;
  std::string cause;    // masked
  std::string sample;   // the first event's cause line, shortened
  std::string excerpt;  // of the first event's log, shortened: what a rule's author gets to read
};

/// How often a kind was seen.
struct Group {
  Id kind;
  std::int64_t events = 0;   // without repeats
  std::int64_t tasks = 0;    // distinct
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::int64_t agents = 0;        // distinct, of those that give a name
  std::int64_t returned_ms = 0;   // when it last came back after a silence; 0: never
  std::int64_t day = 0;           // days since 1970, UTC, of the last event
  std::int64_t today = 0;         // events on that day
  std::int64_t yesterday = 0;     // events on the day before it
  std::int64_t merged_tasks = 0;  // distinct, over this kind and those that a person merged into it; 0: none were
  std::int64_t merged_agents = 0;
};

/// Counts one more event at this time; not its task and its agent.
void count_event(Group& group, std::int64_t now_ms);

/// What stands out about a kind at this moment.
struct GroupFlags {
  bool is_new = false;      // first seen within a day
  bool regressed = false;   // came back within the last day after a week of silence
  bool escalating = false;  // at least ten events today, and more than three times yesterday's
};
GroupFlags flags(const Group& group, std::int64_t now_ms);

/// Counts that always add up: events = Σ groups.events + aged_events.
struct Totals {
  std::int64_t events = 0;
  std::int64_t repeats = 0;
  std::int64_t aged_events = 0;   // of groups that were forgotten to keep memory bounded
  std::int64_t aged_groups = 0;
  std::uint64_t next_sequence = 1;
  std::uint64_t rule_version = 0; // of the last change to any rule
};

/// How many attempts ended in one scope, whatever their rules.
struct ScopeOutcomes {
  std::string stack;
  std::string role;
  std::int64_t successes = 0;
  std::int64_t failures = 0;
};

}  // namespace swarm::analyst::domain
